import json
import tomllib
from pathlib import Path

import pytest
from aws_cdk import App, Stack

from cdk.context.config import Config
from cdk.stack import LookalikeStack
from lambda_app.settings import environment_names
from tests.cdk.conftest import DIGEST, FLAGS, ROOT
from tests.cdk.template import SynthesisedTemplate

COMMANDS = ("lambda_app.handler.handler", "lambda_app.promoter.handler")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_stack_sets_only_environment_variables_that_the_settings_read(
    plain: SynthesisedTemplate, command: str
) -> None:
    given = plain.function(command)["Environment"]["Variables"]
    assert given.pop("ORT_DISABLE_TELEMETRY") == "1"
    assert set(given) <= set(environment_names())
    assert given["LOOKALIKE_STORE"] == f"s3://{plain.bucket}"
    assert given["LOOKALIKE_CORS_ORIGINS"] == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_handlers_that_the_image_runs_exist(command: str) -> None:
    module, _, name = command.rpartition(".")
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    assert f"def {name}(" in source


def test_both_functions_run_one_image_with_tracing_and_separate_logs_and_roles(plain: SynthesisedTemplate) -> None:
    api, promoter = (plain.function(command) for command in COMMANDS)
    assert api["Code"]["ImageUri"] == promoter["Code"]["ImageUri"]
    assert api["Role"] != promoter["Role"]
    assert api["LoggingConfig"]["LogGroup"] != promoter["LoggingConfig"]["LogGroup"]
    for function in (api, promoter):
        assert function["PackageType"] == "Image"
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["Architectures"] == ["x86_64"]
        assert function["MemorySize"] == 3008
        assert function["EphemeralStorage"] == {"Size": 2048}
        assert "ReservedConcurrentExecutions" not in function
        assert "FunctionName" not in function
    assert api["Timeout"] < 30
    assert promoter["Timeout"] == 900


def test_memory_architecture_and_concurrency_are_chosen_by_context(chosen: SynthesisedTemplate) -> None:
    api, promoter = (chosen.function(command) for command in COMMANDS)
    assert (api["MemorySize"], promoter["MemorySize"]) == (4096, 3008)
    assert api["Architectures"] == promoter["Architectures"] == ["arm64"]
    assert (api["ReservedConcurrentExecutions"], promoter["ReservedConcurrentExecutions"]) == (50, 1)
    assert api["Environment"]["Variables"]["LOOKALIKE_CORS_ORIGINS"].split(",") == [
        "https://shop.example",
        "https://www.shop.example:8443",
    ]


def test_an_image_in_ecr_is_deployed_by_its_digest(chosen: SynthesisedTemplate) -> None:
    for command in COMMANDS:
        assert chosen.function(command)["Code"]["ImageUri"].endswith(f"/lookalike/serving@{DIGEST}")


@pytest.mark.parametrize(("architecture", "platform"), [("x86_64", "linux/amd64"), ("arm64", "linux/arm64")])
def test_the_image_is_built_for_the_functions_architecture_from_a_small_context(
    tmp_path: Path, architecture: str, platform: str
) -> None:
    app = App(context=FLAGS, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = LookalikeStack(app, "Lookalike", config=Config(architecture=architecture))
    app.synth()
    (image,) = json.loads((tmp_path / f"{Stack.of(stack).stack_name}.assets.json").read_text())["dockerImages"].values()
    assert image["source"]["dockerFile"] == "Dockerfile.lambda"
    assert image["source"]["platform"] == platform
    folder = tmp_path / image["source"]["directory"]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert "lambda_app/handler.py" in files
    assert "lambda_app/api/web/index.html" in files
    assert not any("__pycache__" in name for name in files)
    assert {name for name in files if not name.startswith("lambda_app/")} == {
        ".dockerignore",
        "Dockerfile.lambda",
        "constraints.txt",
        "pyproject.toml",
        "scripts/slim_packages.py",
    }


def test_the_image_installs_only_the_serving_extra_without_torch() -> None:
    dockerfile = (ROOT / "Dockerfile.lambda").read_text(encoding="utf-8")
    assert '["optional-dependencies"]["serving"]' in dockerfile
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert not any(requirement.startswith("torch") for requirement in extras["serving"])
    assert dockerfile.rstrip().endswith('CMD ["lambda_app.handler.handler"]')
