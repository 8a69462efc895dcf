"""Context keys: training jobs."""

import re
from dataclasses import dataclass

from cdk.context.rules import (
    BOOLEAN,
    key,
    matching,
    whole,
)

# A schedule of EventBridge Scheduler. At most once an hour: a job takes longer. AWS refuses a cron expression in which
# not exactly one of the day of the month and the day of the week is `?`.
_FIELD = r"[A-Z0-9*,/#-]+"
_DAYS = rf"(\? {_FIELD} {_FIELD}|{_FIELD} {_FIELD} \?)"
RETRAIN = re.compile(rf"rate\([1-9]\d{{0,3}} (hours?|days?)\)|cron\([0-5]?\d {_FIELD} {_DAYS} {_FIELD}\)", re.ASCII)


@dataclass(frozen=True)
class TrainingKeys:
    """Training jobs."""

    training_instance: str = key(
        "ml.g5.xlarge",
        matching(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type such as ml.g5.xlarge"),
        "instance type for training",
    )
    training_instances: int = key(
        1, whole(1, 20, "machines"), "machines that train one job together; try a larger trainingInstance first"
    )
    training_image: str = key(
        "2.9.0-gpu-py312-cu130-ubuntu22.04-sagemaker",
        matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a tag of AWS's pytorch-training image"),
        "AWS's PyTorch container that training runs in",
    )
    training_account: str | None = key(
        None,
        matching(r"\d{12}", "an account of 12 digits"),
        "account of AWS's PyTorch container; unset: the one of the region, from a table",
    )
    training_spot: bool = key(
        True, BOOLEAN, "train on spot capacity; after an interruption, training resumes from a checkpoint"
    )
    training_hours: int = key(8, whole(1, 120, "hours"), "maximum computing time of a job")
    training_wait_hours: int = key(
        24,
        whole(1, 672, "hours"),
        "maximum time from start to end, waits for spot capacity included; at least trainingHours",
    )
    training_volume: int = key(100, whole(10, 16384, "GB"), "disk of the training instance")
    retrain: str | None = key(
        None,
        matching(RETRAIN, "rate(7 days), or cron(0 3 ? * SUN *) with a number of minutes; in UTC"),
        "when to train again and publish by itself; requires retrainDataset",
    )
    retrain_dataset: str | None = key(
        None,
        matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "the name of a data set in datasets/"),
        "data set of the retraining; its settings are saved by scripts/train-remote --save-schedule",
    )
