"""cdk-nag checks the templates of conftest: a finding that is not acknowledged fails every test that uses one."""

from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from cdk import nag


def watched_bucket(outdir: Path) -> tuple[App, s3.Bucket]:
    app = App(outdir=str(outdir), builtin_cloud_formation_validation=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app, s3.Bucket(Stack(app, "Stack"), "Bucket", enforce_ssl=True)


def test_a_finding_stops_the_synthesis(tmp_path: Path) -> None:
    app, _ = watched_bucket(tmp_path)
    with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
        app.synth()


def test_an_acknowledged_finding_does_not_stop_the_synthesis(tmp_path: Path) -> None:
    app, bucket = watched_bucket(tmp_path)
    nag.acknowledge(bucket, "S1", "a test's bucket")
    app.synth()


def test_a_construct_that_is_not_a_resource_has_no_logical_id() -> None:
    with pytest.raises(TypeError, match="Stack has no CloudFormation resource"):
        nag.logical_id(Stack(App(), "Stack"))
