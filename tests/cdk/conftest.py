"""Templates, each synthesised once per session because starting the CDK's runtime takes seconds."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from cdk.app import build
from cdk.context.config import Config
from tests.cdk.template import SynthesisedTemplate

ROOT = Path(__file__).parents[2]
FLAGS = json.loads((ROOT / "cdk.json").read_text())["context"]
DIGEST = "sha256:" + "0123456789abcdef" * 4


def synthesise(outdir: Path, **context: Any) -> SynthesisedTemplate:
    """The template of a context, with the feature flags of cdk.json."""
    # cfn-lint checks the templates in test_stack; the CDK's own validation would take seconds to start.
    app = App(context=FLAGS | context, outdir=str(outdir), builtin_cloud_formation_validation=False)
    stack = build(app, Config.from_context(context))
    return SynthesisedTemplate(Template.from_stack(stack).to_json())


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """The template of an empty context, checked by cdk-nag: a finding fails every test that uses it."""
    return synthesise(tmp_path_factory.mktemp("plain"), nag=True)


@pytest.fixture(scope="session")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """The template of a context that sets nearly every key."""
    return synthesise(
        tmp_path_factory.mktemp("chosen"),
        nag=True,
        stackName="staging",
        image=f"lookalike/serving@{DIGEST}",
        architecture="arm64",
        memory=4096,
        auth="jwt",
        jwtIssuer="https://login.example",
        jwtAudience="shop,app",
        origins="https://shop.example, https://www.shop.example:8443",
        provisionedConcurrency=2,
        reservedConcurrency=50,
        promoterConcurrency=1,
        throttleRate=100,
        throttleBurst=200,
        operatorPrincipal="arn:aws:iam::123456789012:role/ci",
        logRetentionDays=365,
        alarmEmail="ops@shop.example",
        budget=50,
        trainingInstance="ml.g6.2xlarge",
        trainingInstances="2",
        trainingSpot=False,
        trainingHours=30,
    )


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """An API that anyone may call."""
    return synthesise(tmp_path_factory.mktemp("public"), auth="none", origins="*")
