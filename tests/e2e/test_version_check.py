"""The check of a new version as CodeDeploy calls it: its own process calls the API's processes through Lambda's API."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.aws_calls import AwsCalls
from tests.e2e.conftest import API
from tests.e2e.lambda_process import LambdaProcess

pytestmark = pytest.mark.slow

CHECK = "cdk.serving.check.index.handler"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:Lookalike-Serving"
NEW, LIVE = f"{FUNCTION}:8", f"{FUNCTION}:live"
EVENT = {"DeploymentId": "d-ABC123", "LifecycleEventHookExecutionId": "hook-1"}
SECRET = "s3cret" * 8


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCalls]:
    with closing(AwsCalls()) as calls:
        yield calls


@pytest.fixture(scope="module")
def check(start, aws) -> LambdaProcess:
    return start(CHECK, "check", NEW_VERSION=NEW, LIVE_VERSION=LIVE, HEADERS="{}", **aws.environ())


def checked(aws: AwsCalls, check: LambdaProcess, *, new: LambdaProcess, live: LambdaProcess) -> tuple[str, str]:
    """What CodeDeploy is told about a new version, and what the check then has logged."""
    aws.called.clear()
    aws.reported.clear()
    aws.serve(NEW, new)
    aws.serve(LIVE, live)
    check.invoke(EVENT)
    (report,) = aws.reported
    assert (report["deploymentId"], report["lifecycleEventHookExecutionId"]) == ("d-ABC123", "hook-1")
    return str(report["status"]), check.text("stdout").splitlines()[-1]


def test_a_sound_version_gets_requests_and_the_live_one_is_left_alone(aws, check, api):
    status, line = checked(aws, check, new=api, live=api)
    assert (status, line) == ("Succeeded", "the new version is healthy, ready and answers a photo")
    assert set(aws.called) == {NEW}


def test_a_version_that_cannot_take_photos_gets_no_requests(aws, check, start, api):
    status, line = checked(aws, check, new=start(API, "shop", LOOKALIKE_MAX_SIDE="10"), live=api)
    assert status == "Failed"
    assert "POST /predict: 413" in line
    assert line.endswith("; the live version answers 200")


def test_a_version_that_cannot_start_gets_no_requests(aws, check, start, api):
    status, line = checked(aws, check, new=start(API, "unset-again", LOOKALIKE_STORE=""), live=api)
    assert status == "Failed"
    assert "GET /healthcheck: the function failed" in line
    assert "LOOKALIKE_STORE is not set" in line


def test_a_store_without_a_release_keeps_no_version_back(aws, check, start):
    empty = start(API, "nothing-yet")
    status, line = checked(aws, check, new=empty, live=empty)
    assert status == "Succeeded"
    assert "nothing has been promoted" in line


def test_behind_the_front_door_the_check_carries_its_secret(aws, start, shop):
    guarded = start(API, "shop", LOOKALIKE_ORIGIN_SECRET=f"{SECRET},{'n' * 48}")
    knowing = start(
        CHECK,
        "knowing",
        NEW_VERSION=NEW,
        LIVE_VERSION=LIVE,
        HEADERS=f'{{"X-Lookalike-Origin": "{SECRET}"}}',
        **aws.environ(),
    )
    assert checked(aws, knowing, new=guarded, live=guarded)[0] == "Succeeded"
    assert SECRET not in knowing.text("stderr") + knowing.text("stdout")
