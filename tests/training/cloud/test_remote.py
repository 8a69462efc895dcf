import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from cdk.training.retraining import SAVED
from training.cloud import remote
from training.cloud.remote import Deployment, Execution, RemoteError

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:flow"
DEPLOYMENT = Deployment("store", MACHINE)
RUN = Execution("arn:aws:states:eu-west-1:123456789012:execution:flow:run-1", "run-1")
DROP = "s3://store/drops/run-1/output/model.tar.gz"
EPOCH = "epoch=1 train_loss=2.1 val_accuracy=0.5 val_recall4=0.4 photos_per_s=900"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="store", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def stubbed(service: str) -> tuple[Any, Stubber]:
    client = boto3.client(service)
    stub = Stubber(client)
    stub.activate()
    return client, stub


def test_a_deployment_is_found_by_the_outputs_of_its_stack() -> None:
    client, stub = stubbed("cloudformation")
    outputs = [
        {"OutputKey": "BucketName", "OutputValue": "store"},
        {"OutputKey": "TrainingMachineArn", "OutputValue": MACHINE},
        {"OutputKey": "ApiUrl", "OutputValue": "https://api.example"},
    ]
    stack = {"StackName": "Lookalike", "CreationTime": datetime.now(UTC), "StackStatus": "CREATE_COMPLETE"}
    stub.add_response("describe_stacks", {"Stacks": [{**stack, "Outputs": outputs}]}, {"StackName": "Lookalike"})
    assert remote.find_deployment(client, "Lookalike") == DEPLOYMENT
    stub.add_response("describe_stacks", {"Stacks": [stack]})
    with pytest.raises(RemoteError, match="Lookalike has no output 'BucketName'"):
        remote.find_deployment(client, "Lookalike")
    stub.add_client_error("describe_stacks", "ValidationError", "Stack with id Lookalyke does not exist")
    with pytest.raises(RemoteError, match="Lookalyke does not exist"):
        remote.find_deployment(client, "Lookalyke")


def test_code_is_uploaded_under_its_digest(s3: Any) -> None:
    key = remote.upload_code(s3, DEPLOYMENT, b"archive")
    assert key == f"training/code/{hashlib.sha256(b'archive').hexdigest()}/sourcedir.tar.gz"
    assert s3.get_object(Bucket="store", Key=key)["Body"].read() == b"archive"


@pytest.mark.parametrize("weights", [None, "weights/ab/w.pt"])
def test_the_order_of_the_schedule_is_what_a_start_would_send_and_replaces_an_earlier_one(
    s3: Any, weights: str | None
) -> None:
    code = "training/code/ab/sourcedir.tar.gz"
    for epochs in ("3", "5"):
        given = {"epochs": epochs}
        key = remote.save_order(s3, DEPLOYMENT, dataset="shop", code=code, weights=weights, hyperparameters=given)
    assert key == f"{SAVED}shop.json"
    order = json.loads(s3.get_object(Bucket="store", Key=key)["Body"].read())
    expected = {"code": code, "hyperparameters": {"epochs": "5"}, "weights": weights}
    assert order == {name: value for name, value in expected.items() if value is not None}


def test_an_error_of_s3_is_reported_with_the_key(s3: Any) -> None:
    with pytest.raises(RemoteError, match=r"s3://gone/training/code/.*NoSuchBucket"):
        remote.upload_code(s3, Deployment("gone", MACHINE), b"archive")


def test_a_missing_dataset_is_refused(s3: Any) -> None:
    s3.put_object(Bucket="store", Key="datasets/shop/Products.csv", Body=b"")
    remote.check_dataset(s3, DEPLOYMENT, "shop")
    with pytest.raises(RemoteError, match=r"aws s3 sync FOLDER s3://store/datasets/shoes/"):
        remote.check_dataset(s3, DEPLOYMENT, "shoes")
    for name in ("../shop", "", "a/b", "x" * 64):
        with pytest.raises(RemoteError, match="a name has"):
            remote.check_dataset(s3, DEPLOYMENT, name)


def test_weights_are_an_object_of_the_bucket_or_an_uploaded_file(s3: Any, tmp_path: Path) -> None:
    assert remote.weights_key(s3, DEPLOYMENT, "s3://store/weights/a/w.pt") == "weights/a/w.pt"
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"weights")
    key = remote.weights_key(s3, DEPLOYMENT, str(path))
    assert key == f"weights/{hashlib.sha256(b'weights').hexdigest()}/w.safetensors"
    assert s3.get_object(Bucket="store", Key=key)["Body"].read() == b"weights"


@pytest.mark.parametrize(
    "weights", ["s3://other/weights/w.pt", "s3://store/objects/ab", "s3://store/weights/", "gone.pt"]
)
def test_weights_elsewhere_are_refused(s3: Any, weights: str) -> None:
    with pytest.raises(RemoteError, match=weights):
        remote.weights_key(s3, DEPLOYMENT, weights)


@pytest.mark.parametrize("weights", [None, "weights/ab/w.pt"])
def test_an_execution_is_started_with_the_input_that_the_flow_expects(weights: str | None) -> None:
    with mock_aws():
        states = boto3.client("stepfunctions")
        flow = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
        role = "arn:aws:iam::123456789012:role/flow"
        machine = states.create_state_machine(name="flow", definition=flow, roleArn=role)["stateMachineArn"]
        deployment = Deployment("store", machine)
        execution = remote.start(
            states,
            deployment,
            dataset="Spring.Summer_" + "x" * 60,
            code="training/code/ab/sourcedir.tar.gz",
            hyperparameters={"epochs": "3"},
            weights=weights,
        )
        order = json.loads(states.describe_execution(executionArn=execution.arn)["input"])
    assert order.pop("weights", None) == weights
    assert order == {
        "dataset": "Spring.Summer_" + "x" * 60,
        "code": "training/code/ab/sourcedir.tar.gz",
        "hyperparameters": {"epochs": "3"},
    }
    # The pattern of SageMaker for the name of a job.
    assert execution.name.replace("-", "").isalnum()
    assert len(execution.name) <= 63
    assert remote.execution_of(deployment, execution.name) == execution


class Job:
    """A job as three stubs of AWS show it; `look` adds the answers to one round of requests."""

    def __init__(self) -> None:
        self.states, self._states = stubbed("stepfunctions")
        self.sagemaker, self._sagemaker = stubbed("sagemaker")
        self.logs, self._logs = stubbed("logs")

    def look(
        self, status: str, job: str | None, events: list[tuple[str, str]] | None, since: int = 0, **ending: str
    ) -> None:
        """Args: the job's state or None before it exists; (id, message) of log events or None before there is a log."""
        run = {
            "executionArn": RUN.arn,
            "stateMachineArn": MACHINE,
            "status": status,
            "startDate": datetime.now(UTC),
            **ending,
        }
        self._states.add_response("describe_execution", run, {"executionArn": RUN.arn})
        if job is None:
            self._sagemaker.add_client_error("describe_training_job", "ValidationException", "not found")
        else:
            name, _, message = job.partition(": ")
            change = {"Status": name, "StartTime": datetime.now(UTC), "StatusMessage": message}
            self._sagemaker.add_response(
                "describe_training_job",
                {
                    "TrainingJobName": RUN.name,
                    "TrainingJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/run-1",
                    "ModelArtifacts": {"S3ModelArtifacts": DROP},
                    "TrainingJobStatus": "InProgress",
                    "SecondaryStatus": name,
                    "AlgorithmSpecification": {"TrainingInputMode": "File"},
                    "ResourceConfig": {"VolumeSizeInGB": 1},
                    "StoppingCondition": {},
                    "CreationTime": datetime.now(UTC),
                    "SecondaryStatusTransitions": [change],
                },
            )
        asked = {"logGroupName": remote.LOG_GROUP, "logStreamNamePrefix": "run-1/", "startTime": since}
        if events is None:
            self._logs.add_client_error("filter_log_events", "ResourceNotFoundException", expected_params=asked)
        else:
            page = [{"eventId": id, "message": f"{text}\n", "timestamp": 1000 + int(id)} for id, text in events]
            self._logs.add_response("filter_log_events", {"events": page}, asked)

    def follow(self) -> tuple[list[str], list[float], str]:
        shown: list[str] = []
        waited: list[float] = []
        drop = remote.follow(self.states, self.sagemaker, self.logs, RUN, shown.append, waited.append)
        for stub in (self._states, self._sagemaker, self._logs):
            stub.assert_no_pending_responses()
        return shown, waited, drop


def test_a_retraining_that_ended_because_another_one_runs_says_so() -> None:
    job = Job()
    job.look("SUCCEEDED", None, None, output=json.dumps({"dataset": "shop", "running": {"arns": []}}))
    with pytest.raises(RemoteError, match="run-1 started no job, because another training of the stack runs"):
        job.follow()


def test_a_job_is_followed_from_its_start_to_its_drop() -> None:
    job = Job()
    job.look("RUNNING", None, None)
    job.look("RUNNING", "Downloading: the dataset", [])
    job.look("RUNNING", "Training: in progress", [("1", "Installing"), ("2", EPOCH)])
    second = EPOCH.replace("epoch=1", "epoch=2")
    job.look("RUNNING", "Training: in progress", [("2", EPOCH), ("3", second)], since=1002)
    job.look("SUCCEEDED", "Completed: done", [], since=1003, output=json.dumps({"result": {"drop": DROP}}))
    shown, waited, drop = job.follow()
    assert drop == DROP
    assert shown == [
        "run-1: Downloading: the dataset",
        "run-1: Training: in progress",
        EPOCH,
        second,
        "run-1: Completed: done",
    ]
    assert waited == [remote.POLL_SECONDS] * 4


@pytest.mark.parametrize(("status", "word"), [("FAILED", "failed"), ("ABORTED", "aborted"), ("TIMED_OUT", "timed out")])
def test_a_failed_job_is_reported_with_its_reason_and_the_end_of_its_log(status: str, word: str) -> None:
    job = Job()
    lines = [(str(number), f"line {number}") for number in range(30)]
    job.look(status, "Failed: AlgorithmError", lines, error="SageMaker.TrainingFailed", cause="no GPU")
    with pytest.raises(RemoteError) as failure:
        job.follow()
    told = str(failure.value).splitlines()
    assert told[0] == f"training run-1 {word}: SageMaker.TrainingFailed no GPU"
    assert told[2:] == [f"  line {number}" for number in range(10, 30)]


def test_a_failure_without_a_reason_is_still_reported() -> None:
    job = Job()
    job.look("ABORTED", None, None)
    with pytest.raises(RemoteError, match=r"run-1 aborted: no reason given$"):
        job.follow()


def test_missing_permissions_are_reported() -> None:
    states, stub = stubbed("stepfunctions")
    stub.add_client_error(
        "describe_execution", "AccessDeniedException", "not authorized", expected_params={"executionArn": ANY}
    )
    with pytest.raises(RemoteError, match="not authorized"):
        remote.follow(states, None, None, RUN, print)
    sagemaker, stub = stubbed("sagemaker")
    stub.add_client_error("describe_training_job", "AccessDeniedException", "not allowed")
    job = Job()
    job.look("RUNNING", None, None)
    with pytest.raises(RemoteError, match="not allowed"):
        remote.follow(job.states, sagemaker, job.logs, RUN, print)
