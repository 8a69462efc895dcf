"""A training job from the upload by `scripts/train-remote` to the drop, run by SageMaker's real training toolkit.

    scripts/test -m toolkit

Its installation is too heavy for every run of the suite. What is real: the code archive, the flow and its request, the
toolkit, torchrun, the training, the promotion. What is not: SageMaker itself (`tests.toolkit.sagemaker`), AWS's image
(`tests.toolkit.container`), S3 and Step Functions (moto's).
"""

import importlib.metadata
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from cdk.training.flow import definition
from lambda_app.promoter import take_drop
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import MANIFEST, read_manifest, verify_file
from lambda_app.settings import Settings
from sample.generate import generate
from tests.job_settings import JOB_SETTINGS
from tests.lambda_events import BUCKET
from tests.s3_server import S3Server
from tests.toolkit import container, sagemaker
from tests.waiting import until
from training.cloud import remote
from training.cloud.code_channel import pack
from training.cloud.hyperparameters import parse_hyperparameters

pytestmark = pytest.mark.toolkit

CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}

ROOT = Path(__file__).parents[2]
# Kept between runs; not part of the repository.
KEPT = ROOT / "var" / "toolkit"
DATASET = "shop"
SETTINGS = replace(JOB_SETTINGS, region=CREDENTIALS["region_name"], bucket=BUCKET)
# The smallest network and one epoch; every value is a text, as in SageMaker.
TINY = ("backbone=resnet10_half", "weights=none", "size=32", "batch=16", "epochs=1", "force=True", "ema=0.9")


@pytest.fixture(scope="module")
def aws() -> Iterator[S3Server]:
    """A server of S3 and Step Functions whose state machines really run."""
    with closing(S3Server()) as server:
        set_interpreter(server, True)
        yield server
        set_interpreter(server, False)


def set_interpreter(server: S3Server, runs: bool) -> None:
    """Set whether moto runs state machines or only pretends to."""
    config = {"stepfunctions": {"execute_state_machine": runs}}
    requests.post(f"{server.url}/moto-api/config", json=config, timeout=10).raise_for_status()


@pytest.fixture(scope="module")
def s3(aws: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of S3 whose bucket has the tiny sample catalogue as a dataset."""
    sample = tmp_path_factory.mktemp("sample") / "data"
    generate(sample, photos=130, seed=1, workers=1)
    with closing(boto3.client("s3", endpoint_url=aws.url, **CREDENTIALS)) as client:
        for path in sample.rglob("*"):
            if path.is_file():
                client.upload_file(str(path), BUCKET, f"datasets/{DATASET}/{path.relative_to(sample).as_posix()}")
        yield client


@pytest.fixture(scope="module")
def request_of(aws: S3Server, s3: Any) -> Iterator[Callable[..., dict[str, Any]]]:
    """The request that the flow sends to SageMaker when it is started as `scripts/train-remote` starts it."""
    flow = definition(SETTINGS)
    flow["States"]["Train"] = {"Type": "Pass", "Parameters": flow["States"]["Train"]["Parameters"], "End": True}
    with closing(boto3.client("stepfunctions", endpoint_url=aws.url, **CREDENTIALS)) as states:
        role = "arn:aws:iam::123456789012:role/flow"
        machine = states.create_state_machine(name="flow", definition=json.dumps(flow), roleArn=role)
        deployment = remote.Deployment(BUCKET, machine["stateMachineArn"])

        def ask(*hyperparameters: str) -> dict[str, Any]:
            remote.check_dataset(s3, deployment, DATASET)
            execution = remote.start(
                states,
                deployment,
                dataset=DATASET,
                code=remote.upload_code(s3, deployment, pack(ROOT)),
                hyperparameters=parse_hyperparameters(hyperparameters),
                weights=None,
            )
            until(lambda: states.describe_execution(executionArn=execution.arn)["status"] != "RUNNING", "the flow ends")
            end = states.describe_execution(executionArn=execution.arn)
            assert end["status"] == "SUCCEEDED", end
            return dict(json.loads(end["output"]))

        yield ask


def test_a_job_produces_a_report_and_a_release_that_goes_live(aws, s3, request_of, tmp_path):
    request = request_of(*TINY)
    job = sagemaker.run_job(container.make(KEPT), request, tmp_path / "ml", s3, aws.url)
    assert job.exit_code == 0
    assert (job.root / "output" / "success").exists()

    model = job.root / "model"
    manifest = read_manifest((model / MANIFEST).read_bytes())
    for entry in manifest.files():
        verify_file(model / entry.file, entry)
    left = {path.relative_to(model).parts[0] for path in model.rglob("*")}
    assert left == {MANIFEST, "report", *(entry.file for entry in manifest.files())}
    assert manifest.force
    assert manifest.training["code"]["version"] == importlib.metadata.version("lookalike")

    with closing(Catalog(model / "catalog.sqlite")) as catalog:
        photos = {item.photo for item in catalog.items(range(manifest.catalog.count))}
    assert photos <= {found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix="datasets/")["Contents"]}

    report = json.loads((job.root / "output" / "data" / "report" / "metrics.json").read_bytes())
    assert report["test"]["n"] == manifest.evaluation["test"]["n"] > 0
    assert list((job.root / "checkpoints").iterdir())

    for metric in request["AlgorithmSpecification"]["MetricDefinitions"]:
        assert re.search(metric["Regex"], job.log), metric

    drop = f"drops/{request['TrainingJobName']}/output/model.tar.gz"
    store = aws.store("", tmp_path / "cache")
    s3.upload_file(str(job.pack_model()), BUCKET, drop)
    assert take_drop(store, drop, Settings(store="unused", threads=1))["outcome"] == "live"
    assert store.read_pointer().pointer.release == manifest.release


def test_a_failed_job_writes_its_reason_where_sagemaker_reads_it(aws, s3, request_of, tmp_path):
    request = request_of(*TINY)
    request["HyperParameters"]["lr"] = "-1"  # which scripts/train-remote would have refused
    job = sagemaker.run_job(container.make(KEPT), request, tmp_path / "ml", s3, aws.url)
    assert job.exit_code != 0
    assert job.failure == "lr is -1; it must be at least 0\n"
    assert not list((job.root / "model").iterdir())
