"""Does SageMaker's part of a training job: /opt/ml from the request, the process of the container, model.tar.gz."""

import json
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.s3_server import CREDENTIALS
from tests.toolkit.container import Container

DEADLINE_SECONDS = 540
# The toolkit waits until the names of all hosts resolve; SageMaker would call this one algo-1.
HOST = "localhost"
GROUP = "homogeneousCluster"


@dataclass(frozen=True)
class Job:
    """A job that ended.

    Attributes:
        root: the folder that is /opt/ml in a container.
        log: everything that it printed.
    """

    root: Path
    exit_code: int
    log: str

    @property
    def failure(self) -> str:
        """The reason of a failure; SageMaker uses its first 1,024 characters as the FailureReason."""
        return (self.root / "output" / "failure").read_text(encoding="utf-8")

    def pack_model(self) -> Path:
        """The archive that SageMaker uploads to the bucket when a job succeeds."""
        archive = self.root / "model.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(self.root / "model", ".")
        return archive


def run_job(container: Container, request: Mapping[str, Any], root: Path, s3: Any, s3_url: str) -> Job:
    """Run the job of a CreateTrainingJob request until it ends.

    Args:
        root: a folder that does not exist; the job's /opt/ml.
        s3: client of the S3 at `s3_url`, where the channels and the code are.
    """
    for name in ("input/config", "input/data", "model", "output/data"):
        (root / name).mkdir(parents=True)
    for name, content in _configuration(request).items():
        (root / "input" / "config" / f"{name}.json").write_text(json.dumps(content))
    for channel in request["InputDataConfig"]:
        _download(s3, channel["DataSource"]["S3DataSource"]["S3Uri"], root / "input" / "data" / channel["ChannelName"])
    environ = {
        "PATH": f"{container.bin}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(root),
        # Set in AWS's image.
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_TRAINING_MODULE": "sagemaker_pytorch_container.training:main",
        # Set by SageMaker.
        "TRAINING_JOB_NAME": request["TrainingJobName"],
        "AWS_REGION": CREDENTIALS["region"],
        "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"],
        **request["Environment"],
        # Variables of the toolkit for a folder other than /opt/ml and an S3 other than AWS's.
        "SAGEMAKER_BASE_DIR": str(root),
        "S3_ENDPOINT_URL": s3_url,
        "OMP_NUM_THREADS": "1",
    }
    ended = subprocess.run(
        [container.bin / "train"],
        cwd=root,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    print(ended.stdout)  # pytest shows it when the test fails, and with -s always
    return Job(root, ended.returncode, ended.stdout)


def _configuration(request: Mapping[str, Any]) -> dict[str, Any]:
    """The files of /opt/ml/input/config, by name without `.json`."""
    instance = request["ResourceConfig"]["InstanceType"]
    channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    return {
        "hyperparameters": request["HyperParameters"],
        "inputdataconfig": {one["ChannelName"]: channel for one in request["InputDataConfig"]},
        "resourceconfig": {
            "current_host": HOST,
            "current_instance_type": instance,
            "current_group_name": GROUP,
            "hosts": [HOST],
            "instance_groups": [{"instance_group_name": GROUP, "instance_type": instance, "hosts": [HOST]}],
            "network_interface_name": "eth0",
        },
    }


def _download(s3: Any, uri: str, folder: Path) -> None:
    """Download all objects under a prefix, as SageMaker does for a channel in file mode."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page["Contents"]:
            path = folder / found["Key"].removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, found["Key"], str(path))
