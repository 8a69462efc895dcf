"""moto interprets the states of a retraining. It does not turn S3's answers into text, so the tests give the answers of
AWS's services; botocore's models check the requests.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from moto import mock_aws

from cdk.training.flow import definition
from tests.job_settings import JOB_SETTINGS

CODE = "training/code/ab/sourcedir.tar.gz"
SAVED = {"code": CODE, "hyperparameters": {"epochs": "3"}}
POINTER = {"release": "20261101-120000-00000000", "high_water": "2026-11-01T12:00:00Z"}
OWN = "arn:aws:states:eu-west-1:123456789012:execution:flow:run-1"
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:flow:another"
MANIFEST = f"s3://store/releases/{POINTER['release']}/manifest.json"
SDK = "arn:aws:states:::aws-sdk:"


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield boto3.client("stepfunctions", region_name="eu-west-1")


def answered(answers: dict[str, Any]) -> dict[str, Any]:
    """The flow with the answers of its calls: each call becomes a state with its answer, and one that selects from it.

    The flow ends with its request to SageMaker, or with the notice of a failure.
    """
    flow = definition(JOB_SETTINGS)
    found = flow["States"]
    for name, response in answers.items():
        call = found[name]
        found[name] = {"Type": "Pass", "Result": response, "ResultPath": "$.answer", "Next": f"{name}, selected"}
        found[f"{name}, selected"] = {
            "Type": "Pass",
            "InputPath": "$.answer",
            "Parameters": call["ResultSelector"],
            "ResultPath": call["ResultPath"],
            "Next": call["Next"],
        }
    found["Train"] = {"Type": "Pass", "Parameters": found["Train"]["Parameters"], "End": True}
    found["Notify"] = {"Type": "Pass", "Next": "Failed"}
    return flow


def outcome(
    states: Any,
    *,
    asked: dict[str, Any] | None = None,
    saved: dict[str, Any] | None = None,
    running: tuple[str, ...] = (OWN,),
    live: bool = True,
) -> dict[str, Any]:
    """How the execution `run-1` ends."""
    flow = answered(
        {
            "Saved order": {"Body": json.dumps(saved or SAVED)},
            "Running": {"Executions": [{"ExecutionArn": arn, "Name": arn.rpartition(":")[2]} for arn in running]},
            "Pointer there?": {"KeyCount": int(live), "IsTruncated": False},
            "Pointer": {"Body": json.dumps(POINTER)},
        }
    )
    role = "arn:aws:iam::123456789012:role/flow"
    machine = states.create_state_machine(name="flow", definition=json.dumps(flow), roleArn=role)["stateMachineArn"]
    order = json.dumps(asked or {"dataset": "shop"})
    arn = states.start_execution(stateMachineArn=machine, name="run-1", input=order)["executionArn"]
    assert arn == OWN
    deadline = time.monotonic() + 20
    while (end := states.describe_execution(executionArn=arn))["status"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert end["status"] == "SUCCEEDED", end
    return dict(json.loads(end["output"]))


def channels(request: dict[str, Any]) -> dict[str, str]:
    return {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in request["InputDataConfig"]}


def test_a_retraining_takes_the_saved_order_and_the_categories_of_the_live_release(states: Any) -> None:
    request = outcome(states)
    assert channels(request) == {"dataset": "s3://store/datasets/shop/", "release": MANIFEST}
    parameters = request["HyperParameters"]
    assert (parameters["epochs"], parameters["name"]) == ("3", "shop")
    assert parameters["sagemaker_submit_directory"] == f"s3://store/{CODE}"
    assert request["TrainingJobName"] == "run-1"
    shape = boto3.client("sagemaker", region_name="eu-west-1").meta.service_model.operation_model("CreateTrainingJob")
    report = ParamValidator().validate(request, shape.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_saved_weights_are_a_channel_and_nothing_live_needs_no_categories(states: Any) -> None:
    request = outcome(states, saved={**SAVED, "weights": "weights/ab/w.safetensors"}, live=False)
    assert channels(request) == {
        "dataset": "s3://store/datasets/shop/",
        "weights": "s3://store/weights/ab/w.safetensors",
    }


def test_what_the_input_says_comes_before_what_was_saved(states: Any) -> None:
    saved = {**SAVED, "dataset": "another"}
    request = outcome(states, asked={"dataset": "shop", "hyperparameters": {"epochs": "1"}}, saved=saved)
    assert request["HyperParameters"]["epochs"] == "1"
    assert channels(request)["dataset"] == "s3://store/datasets/shop/"


@pytest.mark.parametrize("running", [(), (OWN,), (OTHER, OWN)])
def test_the_oldest_training_goes_on(states: Any, running: tuple[str, ...]) -> None:
    assert outcome(states, running=running)["TrainingJobName"] == "run-1"


@pytest.mark.parametrize("running", [(OWN, OTHER), (OTHER,)])
def test_a_retraining_ends_at_once_if_another_training_runs(states: Any, running: tuple[str, ...]) -> None:
    end = outcome(states, running=running)
    assert "TrainingJobName" not in end
    assert end["dataset"] == "shop"


def calls() -> dict[str, dict[str, Any]]:
    """The states that call a service through Step Functions' SDK integrations."""
    found = definition(JOB_SETTINGS)["States"]
    return {name: state for name, state in found.items() if str(state.get("Resource", "")).startswith(SDK)}


@pytest.mark.parametrize("name", list(calls()))
def test_a_call_is_valid_for_its_service_and_its_failure_is_reported(name: str) -> None:
    call = calls()[name]
    service, operation = call["Resource"].removeprefix(SDK).split(":")
    values = {key.removesuffix(".$"): value for key, value in call["Parameters"].items()}
    if service == "sfn":  # Step Functions' members begin with a small letter in boto3, and with a capital in a flow
        values = {key[0].lower() + key[1:]: value for key, value in values.items()}
    client = boto3.client({"sfn": "stepfunctions"}.get(service, service), region_name="eu-west-1")
    model = client.meta.service_model.operation_model(operation[0].upper() + operation[1:])
    report = ParamValidator().validate(values, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert call["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Notify"}]


def test_the_keys_that_are_read_are_those_of_the_dataset_and_the_pointer(states: Any) -> None:
    read = [state["Parameters"] for state in calls().values() if state["Resource"].endswith("s3:getObject")]
    assert [one.get("Key", one.get("Key.$")) for one in read] == [
        "States.Format('training/schedule/{}.json', $.dataset)",
        "live.json",
    ]
    assert {state["Parameters"].get("Bucket") for state in calls().values()} == {"store", None}
