"""Templates, each synthesised once per session because starting the CDK's runtime takes seconds."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from cdk.app import build
from cdk.context.config import Config
from tests.cdk.template import SynthesisedTemplate

ROOT = Path(__file__).parents[2]
FLAGS = json.loads((ROOT / "cdk.json").read_text())["context"]
DIGEST = "sha256:" + "0123456789abcdef" * 4


def synthesise(outdir: Path, **context: Any) -> SynthesisedTemplate:
    """The template of a context, with the feature flags of cdk.json."""
    name = context.get("stackName", "Lookalike") + ("-Pipeline" if "githubRepository" in context else "")
    return synthesise_all(outdir, **context)[name]


def synthesise_all(outdir: Path, **context: Any) -> dict[str, SynthesisedTemplate]:
    """The templates of all stacks of a context, by the names of the stacks."""
    # cfn-lint checks the templates in test_stack; the CDK's own validation would take seconds to start.
    app = App(context=FLAGS | context, outdir=str(outdir), builtin_cloud_formation_validation=False)
    build(app, Config.from_context(context))
    stacks = [child for child in app.node.children if isinstance(child, Stack)]
    return {stack.stack_name: SynthesisedTemplate(Template.from_stack(stack).to_json()) for stack in stacks}


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
        jwtClientId="lookalike-page",
        jwtScopes="openid,offline_access",
        jwtOrigins="https://tokens.example",
        openImages=False,
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
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """The stack of a pipeline on GitHub, checked by cdk-nag."""
    return synthesise(tmp_path_factory.mktemp("pipeline"), nag=True, githubRepository="shop/lookalike")


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """An API that anyone may call."""
    return synthesise(tmp_path_factory.mktemp("public"), auth="none", origins="*")


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """An API for requests that are signed with AWS credentials."""
    return synthesise(tmp_path_factory.mktemp("signed"), nag=True, auth="iam")


@pytest.fixture(scope="session")
def operated(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """A stack that trains again by itself and acts when its budget is spent, checked by cdk-nag."""
    return synthesise(
        tmp_path_factory.mktemp("operated"),
        nag=True,
        alarmEmail="ops@shop.example",
        budget=50,
        budgetAction=True,
        retrain="cron(0 3 ? * SUN *)",
        retrainDataset="shop",
    )


@pytest.fixture(scope="session")
def vectored(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """A stack that searches in a vector bucket of its own, checked by cdk-nag."""
    return synthesise(tmp_path_factory.mktemp("vectored"), nag=True, search="s3vectors")


@pytest.fixture(scope="session")
def changing(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """A stack whose API may change the catalogue, checked by cdk-nag."""
    return synthesise(tmp_path_factory.mktemp("changing"), nag=True, catalogueWrites=True)
