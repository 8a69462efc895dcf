"""The check of a new version, before the real application: events go through Mangum, as in Lambda."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from mangum import Mangum

from cdk.serving.check import index
from cdk.serving.check.index import PAUSE, TRIES, VersionFailedError, check
from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import build_release, publish_directly

NEW, LIVE = (
    "arn:aws:lambda:eu-west-1:123456789012:function:api:2",
    "arn:aws:lambda:eu-west-1:123456789012:function:api:live",
)
EVENT = {"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "execution-1"}
Function = Callable[[dict[str, Any], Any], Any]


class Lambda:
    """Calls functions by their ARN, as boto3's client does."""

    def __init__(self, **functions: Function) -> None:
        self._functions = {NEW: functions["new"], LIVE: functions["live"]}
        self.paths: list[tuple[str, str]] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        event = json.loads(Payload)
        self.paths.append((FunctionName, event["rawPath"]))
        try:
            return {"Payload": io.BytesIO(json.dumps(self._functions[FunctionName](event, None)).encode())}
        except RuntimeError as exc:
            error = json.dumps({"errorMessage": str(exc)}).encode()
            return {"Payload": io.BytesIO(error), "FunctionError": "Unhandled"}


def application(folder: Path, **settings: Any) -> Function:
    """The API on a store, as its Lambda handler."""
    app = create_app(Settings(store=str(folder), threads=1, ready_wait_seconds=5, **settings), FolderStore(folder))
    return Mangum(app, lifespan="off")


@pytest.fixture(autouse=True)
def event_loop() -> Iterator[None]:
    """Mangum uses the event loop of the thread, which Lambda never closes; here each test closes its own loop."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    folder = tmp_path_factory.mktemp("release")
    return BuiltRelease(folder, build_release(folder))


@pytest.fixture
def working(built: BuiltRelease, tmp_path: Path) -> Function:
    publish_directly(FolderStore(tmp_path / "store"), built.folder, built.manifest)
    return application(tmp_path / "store")


@pytest.fixture
def empty(tmp_path: Path) -> Function:
    return application(tmp_path / "empty")


def nonsense(event: dict[str, Any], context: Any) -> Any:
    return {"statusCode": 200, "body": "<html>"}


def broken(event: dict[str, Any], context: Any) -> Any:
    raise RuntimeError("cannot import name 'faiss'")


def test_a_version_that_answers_a_drawn_photo_passes(working: Function) -> None:
    client = Lambda(new=working, live=broken)
    assert check(client, NEW, LIVE, {}) == "the new version is healthy, ready and answers a photo"
    assert client.paths == [(NEW, "/healthcheck"), (NEW, "/readyz"), (NEW, "/predict")]


def test_a_version_that_does_not_start_fails_even_before_the_first_release(empty: Function) -> None:
    with pytest.raises(VersionFailedError, match=r"GET /healthcheck: the function failed: .*faiss"):
        check(Lambda(new=broken, live=empty), NEW, LIVE, {})


def test_a_version_that_cannot_load_what_the_live_one_has_loaded_fails(working: Function, empty: Function) -> None:
    with pytest.raises(VersionFailedError, match=r"GET /readyz: 503: .*; the live version answers 200"):
        check(Lambda(new=empty, live=working), NEW, LIVE, {}, pause=lambda _: None)


def test_a_version_that_loads_its_release_slowly_is_waited_for(working: Function, empty: Function) -> None:
    pauses: list[float] = []

    def slow(event: dict[str, Any], context: Any) -> Any:
        return (working if len(pauses) >= 3 else empty)(event, context)

    client = Lambda(new=slow, live=working)
    assert "ready" in check(client, NEW, LIVE, {}, pause=pauses.append)
    assert pauses == [PAUSE] * 3
    assert client.paths.count((NEW, "/readyz")) == 4
    assert client.paths.count((LIVE, "/readyz")) == 1


def test_what_does_not_pass_by_itself_is_not_tried_again(working: Function) -> None:
    def refusing(event: dict[str, Any], context: Any) -> Any:
        return working(event, context) if event["rawPath"] != "/predict" else {"statusCode": 422, "body": "{}"}

    pauses: list[float] = []
    client = Lambda(new=refusing, live=working)
    with pytest.raises(VersionFailedError, match="POST /predict: 422"):
        check(client, NEW, LIVE, {}, pause=pauses.append)
    assert pauses == []


def test_an_empty_store_does_not_stop_a_deployment(empty: Function) -> None:
    assert check(Lambda(new=empty, live=empty), NEW, LIVE, {}).startswith("not the new version's fault")


def test_a_version_that_is_ready_but_cannot_answer_a_photo_fails(working: Function) -> None:
    def forgetful(event: dict[str, Any], context: Any) -> Any:
        answer = working(event, context)
        if event["rawPath"] == "/predict":
            body = json.loads(answer["body"])
            del body["results"]
            answer["body"] = json.dumps(body)
        return answer

    with pytest.raises(VersionFailedError, match="POST /predict: the answer lacks the category, the embedding"):
        check(Lambda(new=forgetful, live=working), NEW, LIVE, {})


def test_a_refused_call_is_a_failure_with_awss_reason(working: Function) -> None:
    class Refusing(Lambda):
        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
            if FunctionName == NEW:
                raise ClientError({"Error": {"Code": "CodeArtifactUserPendingException", "Message": "wait"}}, "Invoke")
            return super().invoke(FunctionName, Payload)

    pauses: list[float] = []
    with pytest.raises(VersionFailedError, match="CodeArtifactUserPendingException"):
        check(Refusing(new=working, live=working), NEW, LIVE, {}, pause=pauses.append)
    assert pauses == [PAUSE] * (TRIES - 1)


def test_requests_carry_the_headers_that_the_api_requires(built: BuiltRelease, tmp_path: Path) -> None:
    publish_directly(FolderStore(tmp_path), built.folder, built.manifest)
    guarded = application(tmp_path, origin_secret="a" * 32)
    with pytest.raises(VersionFailedError, match="GET /healthcheck: 403"):
        check(Lambda(new=guarded, live=guarded), NEW, LIVE, {})
    assert "healthy" in check(Lambda(new=guarded, live=guarded), NEW, LIVE, {"X-Lookalike-Origin": "a" * 32})


@pytest.mark.parametrize(
    ("version", "status"), [("working", "Succeeded"), ("broken", "Failed"), ("nonsense", "Failed")]
)
def test_codedeploy_is_told_the_outcome(
    working: Function, monkeypatch: pytest.MonkeyPatch, version: str, status: str
) -> None:
    codedeploy = boto3.client("codedeploy", region_name="eu-west-1")
    stub = Stubber(codedeploy)
    stub.add_response(
        "put_lifecycle_event_hook_execution_status",
        {},
        {"deploymentId": "d-ABCDEF123", "lifecycleEventHookExecutionId": "execution-1", "status": status},
    )
    calls = Lambda(new={"working": working, "broken": broken, "nonsense": nonsense}[version], live=working)
    monkeypatch.setattr(boto3, "client", lambda name, **_: {"lambda": calls, "codedeploy": codedeploy}[name])
    monkeypatch.setenv("NEW_VERSION", NEW)
    monkeypatch.setenv("LIVE_VERSION", LIVE)
    monkeypatch.setenv("HEADERS", "{}")
    with stub:
        index.handler(EVENT, None)
    stub.assert_no_pending_responses()
