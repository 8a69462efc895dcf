"""The training flow in Amazon States Language: start a SageMaker job, wait for it, send a notice if it fails.

It is written by hand because the CDK's training task supports neither spot capacity nor checkpoints. The input of an
execution is

    {"dataset": "<name>", "code": "training/code/<sha256>/sourcedir.tar.gz", "hyperparameters": {"epochs": "30", ...},
     "weights": "weights/<file>"}

where `code` and `weights` are keys of the bucket and `weights` is optional. The input cannot choose another bucket,
image, role or output. The job writes `drops/<execution name>/output/model.tar.gz`, which the promoter then promotes.

An input without `code` is a retraining: `cdk/training/retraining.py` says what happens first.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

from cdk.training.retraining import retraining

ENTRY_POINT = "training/train.py"
CHECKPOINTS = "/opt/ml/checkpoints"
# SageMaker turns these printed values into CloudWatch metrics: `epoch=3 train_loss=1.234 val_accuracy=0.912 ...`.
METRICS = ("epoch", "train_loss", "val_loss", "val_accuracy", "val_recall4", "photos_per_s")
_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"


@dataclass(frozen=True)
class JobSettings:
    """The settings of a deployment for its training jobs.

    Attributes:
        image: URI of the container.
        role: ARN of the job's role.
        topic: ARN of the SNS topic for failures.
        instances: machines of a job; SageMaker's toolkit starts torchrun on all of them.
        volume_gb: disk of each machine.
    """

    partition: str
    region: str
    bucket: str
    image: str
    role: str
    topic: str
    instance: str
    instances: int
    volume_gb: int
    spot: bool
    run_seconds: int
    wait_seconds: int


def definition(settings: JobSettings) -> dict[str, Any]:
    """The state machine."""
    return {
        "Comment": "Trains a release and drops it into the bucket",
        "StartAt": "Code given?",
        "States": {
            "Code given?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.code", "IsPresent": True, "Next": "Which channels?"}],
                "Default": "Saved order",
            },
            **retraining(settings.partition, settings.bucket, then="Which channels?", failed="Notify"),
            **_inputs(settings.bucket),
            "Script": _script(settings),
            "Train": {
                "Type": "Task",
                "Resource": f"arn:{settings.partition}:states:::sagemaker:createTrainingJob.sync",
                "Parameters": _request(settings),
                "TimeoutSeconds": settings.wait_seconds + 3600,
                "ResultSelector": {"drop.$": "$.ModelArtifacts.S3ModelArtifacts"},
                "ResultPath": "$.result",
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Notify"}],
                "End": True,
            },
            "Notify": {
                "Type": "Task",
                "Resource": f"arn:{settings.partition}:states:::sns:publish",
                "Parameters": {
                    "TopicArn": settings.topic,
                    "Subject": "Lookalike: training failed",
                    "Message.$": "States.Format('Training job {} failed: {}: {}', "
                    "$$.Execution.Name, $.failure.Error, $.failure.Cause)",
                },
                "ResultPath": "$.notice",
                "Next": "Failed",
            },
            "Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
        },
    }


def metric_definitions() -> list[dict[str, str]]:
    """The name and the regular expression of each metric that the job prints."""
    return [{"Name": name, "Regex": rf"\b{name}={_NUMBER}"} for name in METRICS]


def _inputs(bucket: str) -> dict[str, Any]:
    """States that list the channels of the job: the dataset, and of weights and live release those that are there."""
    optional = {"weights": "{}", "release": "releases/{}/manifest.json"}
    choices, states = [], {}
    for given in product((True, False), repeat=len(optional)):
        present = dict(zip(optional, given, strict=True))
        names = [name for name in optional if present[name]]
        title = ", ".join(["Dataset", *names])
        tests = [{"Variable": f"$.{name}", "IsPresent": there} for name, there in present.items()]
        choices.append({"And": tests, "Next": title})
        states[title] = {
            "Type": "Pass",
            "Parameters": {
                "channels": [
                    _channel("dataset", f"States.Format('s3://{bucket}/datasets/{{}}/', $.dataset)"),
                    *(_channel(name, f"States.Format('s3://{bucket}/{optional[name]}', $.{name})") for name in names),
                ]
            },
            "ResultPath": "$.inputs",
            "Next": "Script",
        }
    return {"Which channels?": {"Type": "Choice", "Choices": choices}, **states}


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", "S3Uri.$": uri}
    return {"ChannelName": name, "InputMode": "File", "DataSource": {"S3DataSource": source}}


def _script(settings: JobSettings) -> dict[str, Any]:
    """The hyperparameters that the input cannot set: the name, and those of SageMaker's toolkit (torchrun per GPU)."""
    return {
        "Type": "Pass",
        "Parameters": {
            "sagemaker_program": ENTRY_POINT,
            "sagemaker_submit_directory.$": f"States.Format('s3://{settings.bucket}/{{}}', $.code)",
            "sagemaker_region": settings.region,
            "sagemaker_instance_type": settings.instance,
            "sagemaker_container_log_level": "20",
            "sagemaker_torch_distributed_enabled": "true",
            # The photos of the catalog have keys such as datasets/<name>/... in the bucket.
            "name.$": "$.dataset",
        },
        "ResultPath": "$.script",
        "Next": "Train",
    }


def _request(settings: JobSettings) -> dict[str, Any]:
    """The parameters of SageMaker's CreateTrainingJob."""
    stopping = {"MaxRuntimeInSeconds": settings.run_seconds}
    if settings.spot:
        stopping["MaxWaitTimeInSeconds"] = settings.wait_seconds
    checkpoints = f"States.Format('s3://{settings.bucket}/training/checkpoints/{{}}/', $$.Execution.Name)"
    return {
        "TrainingJobName.$": "$$.Execution.Name",
        "RoleArn": settings.role,
        "AlgorithmSpecification": {
            "TrainingImage": settings.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": metric_definitions(),
        },
        # Values of the second argument win, so the input of an execution cannot choose another program.
        "HyperParameters.$": "States.JsonMerge($.hyperparameters, $.script, false)",
        "InputDataConfig.$": "$.inputs.channels",
        "OutputDataConfig": {"S3OutputPath": f"s3://{settings.bucket}/drops/"},
        "ResourceConfig": {
            "InstanceType": settings.instance,
            "InstanceCount": settings.instances,
            "VolumeSizeInGB": settings.volume_gb,
        },
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": settings.spot,
        "CheckpointConfig": {"S3Uri.$": checkpoints, "LocalPath": CHECKPOINTS},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        # Without PYTHONSAFEPATH, the script's folder is first in `sys.path`, and `training/metrics` hides other modules
        # named `metrics`. Without ORT_DISABLE_TELEMETRY, ONNX Runtime sends usage data.
        "Environment": {"PYTHONSAFEPATH": "1", "ORT_DISABLE_TELEMETRY": "1"},
        # An enabled profiler would write its files to drops/.
        "ProfilerConfig": {"DisableProfiler": True},
    }
