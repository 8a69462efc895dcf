"""cdk-nag and cfn-lint on the templates of every option: in a usual run in one region each, else in all of them."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.helpers import REGIONS

from cdk.context.config import Config, context_keys, describe
from cdk.context.front_keys import contradiction_in
from cdk.context.regions import CONTAINER_ACCOUNTS, WITHOUT_USER_POOLS
from cdk.context.search_keys import search_contradiction_in
from tests.cdk.conftest import DIGEST, synthesise_all

CERTIFICATE = "arn:aws:acm:{region}:123456789012:certificate/0f5c3b8a-1111-2222-3333-444455556666"
# Every key has a value that is not its default in one of these. Keys that belong together stand together.
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "sized": {
        "stackName": "staging",
        "memory": 4096,
        "promoterMemory": 2048,
        "storage": 4096,
        "architecture": "arm64",
        "image": f"lookalike/serving@{DIGEST}",
        "provisionedConcurrency": 2,
        "provisionedMaximum": 8,
        "reservedConcurrency": 50,
        "promoterConcurrency": 1,
        "reloadSeconds": 5,
        "canaryPercent": 100,
        "dropRetentionDays": 7,
        "logRetentionDays": 365,
        "latencyAlarmMs": 1500,
        "search": "s3vectors",
        "vectorBucket": "shop-vectors",
    },
    "signed-in": {"firstUser": "ann@shop.example", "mfa": "required", "openImages": False, "canaryMinutes": 20},
    "vectors": {"auth": "iam", "search": "s3vectors"},
    "own-login": {
        "auth": "jwt",
        "jwtIssuer": "https://login.example",
        "jwtAudience": "shop,app",
        "jwtClientId": "lookalike-page",
        "jwtScopes": "openid,offline_access",
        "jwtOrigins": "https://tokens.example",
        "origins": "https://shop.example",
        "throttleRate": 100,
        "throttleBurst": 200,
    },
    "domain": {
        "auth": "iam",
        "catalogueWrites": True,
        "domain": "search.shop.example",
        "certificate": CERTIFICATE,
        "hostedZone": "Z0123456789",
    },
    "door": {
        "auth": "none",
        "origins": "*",
        "frontDoor": True,
        "wafRate": 500,
        "originSecret": 3,
        "domain": "search.shop.example",
        "certificate": CERTIFICATE.format(region="us-east-1"),
        "rebuild": "2026-11-26",
    },
    "closed-door": {"frontDoor": True, "openImages": False, "provisionedConcurrency": 1},
    "operated": {
        "operatorPrincipal": "arn:aws:iam::123456789012:role/ci",
        "alarmEmail": "ops@shop.example",
        "budget": 50,
        "budgetAction": True,
        "retrain": "cron(0 3 ? * SUN *)",
        "retrainDataset": "shop",
        "trainingInstance": "ml.g6.2xlarge",
        "trainingInstances": 2,
        "trainingImage": "2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker",
        "trainingAccount": "763104351884",
        "trainingSpot": False,
        "trainingHours": 30,
        "trainingWaitHours": 48,
        "trainingVolume": 200,
    },
    "pipeline": {
        "githubRepository": "shop/lookalike",
        "githubEnvironments": "test,live",
        "githubProvider": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
    },
}
# The region of each option in a usual run.
USUAL = (
    "eu-west-1",
    "us-east-1",
    "eu-west-1",
    "ap-southeast-7",
    "us-gov-west-1",
    "mx-central-1",
    "eu-west-1",
    "us-east-1",
    "eu-west-1",
    "us-west-2",
)


def in_region(name: str, region: str) -> dict[str, Any]:
    """The context of an option for a region."""
    context = {"region": region, **OPTIONS[name]}
    if "{region}" in str(context.get("certificate")):
        context["certificate"] = context["certificate"].format(region=region)
    if "auth" not in context and region in WITHOUT_USER_POOLS:
        context["auth"] = "iam"
        for key in ("firstUser", "mfa"):
            context.pop(key, None)
    return context


def possible(name: str, region: str) -> bool:
    """Whether the option is offered in the region."""
    if name == "closed-door" and region in WITHOUT_USER_POOLS:
        return False
    config = Config.from_context(in_region(name, region))
    return contradiction_in(config, region) is None and search_contradiction_in(config, region) is None


def pairs(everywhere: bool) -> Iterator[tuple[str, str]]:
    """Options and regions to check together."""
    if not everywhere:
        yield from zip(OPTIONS, USUAL, strict=True)
        return
    known = sorted(set(CONTAINER_ACCOUNTS) & set(REGIONS))
    yield from (pair for pair in itertools.product(OPTIONS, known) if possible(*pair))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One region for each option in a usual run; every one with `--all-regions`."""
    if "option" in metafunc.fixturenames:
        metafunc.parametrize(("option", "region"), list(pairs(metafunc.config.getoption("all_regions"))))


def test_every_key_has_another_value_than_its_default_in_one_of_the_options() -> None:
    defaults = {key: default.strip("`") for key, default, _, _ in describe()}
    given = {key: value for option in OPTIONS.values() for key, value in option.items()}
    # The region is part of each test, and nag is on in all of them.
    assert set(given) | {"region", "nag"} == set(context_keys())
    assert [key for key, value in given.items() if str(value).lower() == defaults[key]] == []


def test_the_options_of_a_usual_run_are_possible_in_their_regions() -> None:
    assert all(possible(name, region) for name, region in pairs(everywhere=False))


@pytest.mark.slow
def test_nag_and_cfn_lint_find_nothing(tmp_path: Path, option: str, region: str) -> None:
    # cdk-nag raises at the synthesis.
    stacks = synthesise_all(tmp_path / "out", nag=True, **in_region(option, region))
    command = shutil.which("cfn-lint", path=str(Path(sys.executable).parent))
    assert command is not None
    for name, template in stacks.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(template.body))
        # W3005: the CDK writes DependsOn even where a reference already implies it. --regions makes cfn-lint refuse a
        # resource type that the region lacks.
        where = "us-east-1" if "-Edge" in name else region
        options = ["--ignore-checks", "W3005", "--regions", where, "--", str(file)]
        run = subprocess.run([command, *options], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout) == (0, "")
