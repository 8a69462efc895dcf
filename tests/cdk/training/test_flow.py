"""moto interprets the flow up to its request to SageMaker, and botocore's model of the API validates the request."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from moto import mock_aws

from cdk.training.flow import METRICS, JobSettings, definition, metric_definitions
from tests.job_settings import JOB_SETTINGS

ROLE = "arn:aws:iam::123456789012:role/flow"
ORDER = {"dataset": "shop", "code": "training/code/ab/sourcedir.tar.gz", "hyperparameters": {"epochs": "3"}}


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield boto3.client("stepfunctions", region_name="eu-west-1")


def run(states: Any, flow: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    """Run the flow as an execution named `run-1`; its description once it has ended."""
    machine = states.create_state_machine(name="flow", definition=json.dumps(flow), roleArn=ROLE)["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, name="run-1", input=json.dumps(order))["executionArn"]
    deadline = time.monotonic() + 20
    while (end := states.describe_execution(executionArn=arn))["status"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.01)
    return dict(end)


def request_of(states: Any, order: dict[str, Any], settings: JobSettings = JOB_SETTINGS) -> dict[str, Any]:
    """The request that the flow would send to SageMaker."""
    flow = definition(settings)
    flow["States"]["Train"] = {"Type": "Pass", "Parameters": flow["States"]["Train"]["Parameters"], "End": True}
    end = run(states, flow, order)
    assert end["status"] == "SUCCEEDED", end
    return dict(json.loads(end["output"]))


@pytest.mark.parametrize("weights", [{}, {"weights": "weights/ab/w.safetensors"}])
def test_the_request_is_valid_for_sagemaker(states: Any, weights: dict[str, str]) -> None:
    request = request_of(states, ORDER | weights)
    shape = boto3.client("sagemaker", region_name="eu-west-1").meta.service_model.operation_model("CreateTrainingJob")
    report = ParamValidator().validate(request, shape.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert request["TrainingJobName"] == "run-1"
    assert request["RoleArn"] == JOB_SETTINGS.role
    assert request["AlgorithmSpecification"]["TrainingImage"] == JOB_SETTINGS.image
    assert request["ResourceConfig"]["InstanceType"] == "ml.g5.xlarge"


@pytest.mark.parametrize(
    ("weights", "channels"),
    [({}, {}), ({"weights": "weights/ab/w.safetensors"}, {"weights": "s3://store/weights/ab/w.safetensors"})],
)
def test_the_channels_are_the_dataset_and_any_weights(
    states: Any, weights: dict[str, str], channels: dict[str, str]
) -> None:
    found = request_of(states, ORDER | weights)["InputDataConfig"]
    by_name = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in found}
    assert by_name == {"dataset": "s3://store/datasets/shop/"} | channels


def test_the_order_cannot_replace_the_script_of_the_flow(states: Any) -> None:
    given = {"epochs": "3", "amp": "True", "name": "another", "sagemaker_program": "other.py"}
    found = request_of(states, ORDER | {"hyperparameters": given})["HyperParameters"]
    assert found["sagemaker_program"] == "training/train.py"
    assert found["sagemaker_submit_directory"] == "s3://store/training/code/ab/sourcedir.tar.gz"
    assert found["sagemaker_torch_distributed_enabled"] == "true"
    assert (found["epochs"], found["amp"], found["name"]) == ("3", "True", "shop")
    assert all(isinstance(value, str) for value in found.values())


def test_the_output_is_a_drop_and_checkpoints_are_stored_under_the_execution_name(states: Any) -> None:
    request = request_of(states, ORDER)
    assert request["OutputDataConfig"] == {"S3OutputPath": "s3://store/drops/"}
    assert request["CheckpointConfig"] == {
        "S3Uri": "s3://store/training/checkpoints/run-1/",
        "LocalPath": "/opt/ml/checkpoints",
    }
    assert request["ProfilerConfig"] == {"DisableProfiler": True}


def test_a_spot_job_has_a_waiting_limit_and_an_on_demand_job_has_none(states: Any) -> None:
    spot = request_of(states, ORDER)
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    settings = replace(JOB_SETTINGS, spot=False)
    on_demand = definition(settings)["States"]["Train"]["Parameters"]
    assert on_demand["EnableManagedSpotTraining"] is False
    assert on_demand["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}


def test_every_machine_of_a_job_gets_all_data_and_runs_torchrun(states: Any) -> None:
    request = request_of(states, ORDER, replace(JOB_SETTINGS, instances=3))
    assert request["ResourceConfig"]["InstanceCount"] == 3
    sources = [one["DataSource"]["S3DataSource"] for one in request["InputDataConfig"]]
    assert {source["S3DataDistributionType"] for source in sources} == {"FullyReplicated"}
    assert request["HyperParameters"]["sagemaker_torch_distributed_enabled"] == "true"


def test_the_flow_waits_for_the_job_and_returns_the_key_of_its_drop() -> None:
    train = definition(JOB_SETTINGS)["States"]["Train"]
    assert train["Resource"] == "arn:aws:states:::sagemaker:createTrainingJob.sync"
    assert train["TimeoutSeconds"] > JOB_SETTINGS.wait_seconds
    assert train["ResultSelector"] == {"drop.$": "$.ModelArtifacts.S3ModelArtifacts"}
    assert train["End"] is True


def test_a_failure_is_reported_with_its_reason(states: Any) -> None:
    flow = definition(JOB_SETTINGS)
    assert flow["States"]["Train"]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Notify"}
    ]
    assert flow["States"]["Notify"]["Resource"] == "arn:aws:states:::sns:publish"
    # Start at the state that the catch leads to, and let a Pass state show the notice instead of sending it.
    flow["StartAt"] = "Notify"
    message = flow["States"]["Notify"]["Parameters"]
    flow["States"]["Notify"] = {"Type": "Pass", "Parameters": message, "ResultPath": "$.notice", "Next": "Shown"}
    flow["States"]["Shown"] = {"Type": "Pass", "InputPath": "$.notice", "End": True}
    failure = {"Error": "SageMaker.TrainingFailed", "Cause": "no GPU"}
    end = run(
        states, {**flow, "States": {name: flow["States"][name] for name in ("Notify", "Shown")}}, {"failure": failure}
    )
    notice = json.loads(end["output"])
    assert notice["TopicArn"] == JOB_SETTINGS.topic
    assert notice["Message"] == "Training job run-1 failed: SageMaker.TrainingFailed: no GPU"


def test_the_failed_state_carries_error_and_cause(states: Any) -> None:
    flow = definition(JOB_SETTINGS)
    failed = {"StartAt": "Failed", "States": {"Failed": flow["States"]["Failed"]}}
    end = run(states, failed, {"failure": {"Error": "SageMaker.TrainingFailed", "Cause": "no GPU"}})
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "SageMaker.TrainingFailed", "no GPU")


def test_every_path_of_the_flow_leads_to_a_state_that_exists_and_no_state_is_left_out() -> None:
    flow = definition(JOB_SETTINGS)
    branches = [
        one for state in flow["States"].values() for kind in ("Choices", "Catch") for one in state.get(kind, ())
    ]
    named = {one[key] for one in [*flow["States"].values(), *branches] for key in ("Next", "Default") if key in one}
    assert named | {flow["StartAt"]} == set(flow["States"])


def test_the_metric_expressions_match_the_line_that_training_prints() -> None:
    line = "epoch=3 lr=0.0001 train_loss=1.234 val_loss=0.5 val_accuracy=0.912 val_recall4=0.85 photos_per_s=1.2e+03"
    found = {one["Name"]: re.search(one["Regex"], line) for one in metric_definitions()}
    read = {name: match[1] for name, match in found.items() if match is not None}
    assert set(read) == set(METRICS)
    assert read["epoch"] == "3"
    assert read["val_accuracy"] == "0.912"
    assert float(read["photos_per_s"]) == 1200
    assert all(re.search(one["Regex"], f"best_{one['Name']}=1") is None for one in metric_definitions())
