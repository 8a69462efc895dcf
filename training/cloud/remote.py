"""Start training in the cloud from a local machine: upload code, start the state machine, follow its training job.

The state machine of the stack does everything else. The training job writes its release archive to `drops/` in the
bucket, and the promoter picks it up there. Each function has the boto3 clients that it needs as parameters.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambda_app.release.manifest import sha256_of
from training.errors import TrainingError

# As in the flow (`cdk/training/retraining.py`).
SCHEDULE = "training/schedule/"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
POLL_SECONDS = 15.0
TAIL = 20
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_METRICS = re.compile(r"\bepoch=\d")


class RemoteError(TrainingError):
    """The job could not be started or followed, or it failed; the message says what to do if possible."""


@dataclass(frozen=True)
class Deployment:
    """The bucket and the state machine (ARN) of a deployed stack."""

    bucket: str
    machine: str


@dataclass(frozen=True)
class Execution:
    """An execution of the state machine; its training job has the same name."""

    arn: str
    name: str


def find_deployment(cloudformation: Any, stack: str) -> Deployment:
    """Read the outputs of a stack.

    Raises:
        RemoteError: no such stack in this account and region, or it is not a Lookalike stack.
    """
    with _aws(f"stack {stack}"):
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    try:
        return Deployment(outputs["BucketName"], outputs["TrainingMachineArn"])
    except KeyError as exc:
        raise RemoteError(f"stack {stack} has no output {exc}; it is not a deployed Lookalike stack") from exc


def upload_code(s3: Any, deployment: Deployment, archive: bytes) -> str:
    """Upload the code archive to the bucket. Returns its key, which contains its digest."""
    key = f"training/code/{hashlib.sha256(archive).hexdigest()}/sourcedir.tar.gz"
    with _aws(f"s3://{deployment.bucket}/{key}"):
        s3.put_object(Bucket=deployment.bucket, Key=key, Body=archive)
    return key


def weights_key(s3: Any, deployment: Deployment, weights: str) -> str:
    """The key of the initial weights: an object under `weights/` in the bucket, or a local file, which is uploaded.

    Raises:
        RemoteError: no such file, or an object elsewhere, which the job has no permission to read.
    """
    if weights.startswith("s3://"):
        prefix = f"s3://{deployment.bucket}/weights/"
        if not weights.startswith(prefix) or weights == prefix:
            raise RemoteError(f"--weights {weights}: the job can only read objects under {prefix}")
        return weights.removeprefix(f"s3://{deployment.bucket}/")
    path = Path(weights)
    if not path.is_file():
        raise RemoteError(f"--weights {weights}: no such file")
    key = f"weights/{sha256_of(path)}/{path.name}"
    with _aws(f"s3://{deployment.bucket}/{key}"):
        s3.upload_file(str(path), deployment.bucket, key)
    return key


def check_dataset(s3: Any, deployment: Deployment, dataset: str) -> None:
    """Check that the bucket contains the dataset.

    Raises:
        RemoteError: it does not, or the name is not valid.
    """
    if not _DATASET.fullmatch(dataset):
        raise RemoteError(
            f"--dataset {dataset!r}: a name has 1 to 63 letters, digits, dots, hyphens and underscores, and "
            "starts with a letter or digit"
        )
    prefix = f"datasets/{dataset}/"
    with _aws(f"s3://{deployment.bucket}/{prefix}"):
        found = s3.list_objects_v2(Bucket=deployment.bucket, Prefix=prefix, MaxKeys=1)
    if not found.get("KeyCount"):
        uri = f"s3://{deployment.bucket}/{prefix}"
        raise RemoteError(f"{uri} is empty; upload the listings and photos first: aws s3 sync FOLDER {uri}")


def start(
    states: Any,
    deployment: Deployment,
    *,
    dataset: str,
    code: str,
    hyperparameters: Mapping[str, str],
    weights: str | None,
) -> Execution:
    """Start an execution of the state machine. It continues without this process.

    Args:
        code, weights: keys in the bucket.
    """
    # The name of a job may have letters, digits and hyphens, at most 63.
    stem = re.sub(r"[^A-Za-z0-9]+", "-", dataset)[:40].strip("-")
    name = f"{stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    request = {"dataset": dataset, **_order(code, hyperparameters, weights)}
    with _aws(f"training {name}"):
        answer = states.start_execution(stateMachineArn=deployment.machine, name=name, input=json.dumps(request))
    return Execution(answer["executionArn"], name)


def save_order(
    s3: Any,
    deployment: Deployment,
    *,
    dataset: str,
    code: str,
    hyperparameters: Mapping[str, str],
    weights: str | None,
) -> str:
    """Save what the schedule of the stack trains a dataset with. Returns the key; an earlier order is replaced.

    Args:
        code, weights: keys in the bucket.
    """
    key = f"{SCHEDULE}{dataset}.json"
    body = json.dumps(_order(code, hyperparameters, weights), indent=1).encode()
    with _aws(f"s3://{deployment.bucket}/{key}"):
        s3.put_object(Bucket=deployment.bucket, Key=key, Body=body, ContentType="application/json")
    return key


def _order(code: str, hyperparameters: Mapping[str, str], weights: str | None) -> dict[str, Any]:
    """What the flow needs besides the name of the dataset (`cdk/training/flow.py`)."""
    given = {"weights": weights} if weights is not None else {}
    return {"code": code, "hyperparameters": dict(hyperparameters), **given}


def execution_of(deployment: Deployment, name: str) -> Execution:
    """The execution with this name, which was started earlier."""
    return Execution(f"{deployment.machine.replace(':stateMachine:', ':execution:')}:{name}", name)


def follow(
    states: Any,
    sagemaker: Any,
    logs: Any,
    execution: Execution,
    show: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
) -> str:
    """Poll the job until it ends, and show its progress line by line.

    Args:
        show: called with each change of state and each log line with the metrics of an epoch.
        wait: called with the number of seconds before the next poll.

    Returns:
        The S3 URI of the release archive.

    Raises:
        RemoteError: the job failed or was stopped; the message gives the reason and the last lines of its log.
    """
    job_log = _JobLog(logs, execution.name)
    state = None
    while True:
        with _aws(f"training {execution.name}"):
            run = states.describe_execution(executionArn=execution.arn)
        if (now := _job_state(sagemaker, execution.name)) != state and now is not None:
            show(f"{execution.name}: {now}")
            state = now
        for line in job_log.new_lines():
            if _METRICS.search(line):
                show(line)
        if run["status"] == "SUCCEEDED":
            if "result" not in (output := json.loads(run["output"])):
                raise RemoteError(f"{execution.name} started no job, because another training of the stack runs")
            return str(output["result"]["drop"])
        if run["status"] != "RUNNING":
            raise RemoteError(_failure(run, execution, job_log))
        wait(POLL_SECONDS)


class _JobLog:
    """The job's log, read incrementally."""

    def __init__(self, logs: Any, job: str) -> None:
        self._logs, self._job = logs, job
        self._since, self._seen = 0, set[str]()
        self.tail: list[str] = []

    def new_lines(self) -> Iterator[str]:
        """The lines written since the last call; none while the log does not exist."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=LOG_GROUP, logStreamNamePrefix=f"{self._job}/", startTime=self._since
        )
        try:
            events = [event for page in pages for event in page["events"] if event["eventId"] not in self._seen]
        except self._logs.exceptions.ResourceNotFoundException:
            return
        for event in events:
            # Lines may arrive late: each call starts at the newest time seen and skips events that were already seen.
            self._since = max(self._since, event["timestamp"])
            self._seen.add(event["eventId"])
            self.tail = [*self.tail[1 - TAIL :], event["message"].rstrip()]
            yield event["message"].rstrip()


def _job_state(sagemaker: Any, name: str) -> str | None:
    """The state of the job as text; None before the job exists."""
    try:
        job = sagemaker.describe_training_job(TrainingJobName=name)
    except ClientError as exc:
        if exc.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
            return None
        raise RemoteError(f"training {name}: {exc}") from exc
    changes = job.get("SecondaryStatusTransitions") or [{}]
    return ": ".join(filter(None, (job["SecondaryStatus"], changes[-1].get("StatusMessage"))))


def _failure(run: Mapping[str, Any], execution: Execution, job_log: _JobLog) -> str:
    reason = f"{run.get('error', '')} {run.get('cause', '')}".strip() or "no reason given"
    tail = "\n".join(f"  {line}" for line in job_log.tail)
    return f"training {execution.name} {run['status'].lower().replace('_', ' ')}: {reason}" + (
        f"\nthe last lines of its log:\n{tail}" if tail else ""
    )


@contextmanager
def _aws(what: str) -> Iterator[None]:
    """Convert errors of AWS calls into `RemoteError`."""
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        raise RemoteError(f"{what}: {exc}") from exc
