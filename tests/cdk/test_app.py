import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cdk import app
from tests.cdk.conftest import FLAGS, ROOT


def synthesise(outdir: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK's command line does, on a machine without Docker, account and credentials."""
    node = next(Path(folder) for folder in os.environ["PATH"].split(os.pathsep) if (Path(folder) / "node").is_file())
    tools = outdir.parent / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "node").symlink_to(node / "node")
    environ = {
        "PATH": str(tools),
        "HOME": os.environ.get("HOME", str(outdir)),
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps(FLAGS | context),
        # The CDK's own validation of templates takes seconds to start; test_stack runs cfn-lint instead.
        "CDK_VALIDATION": "false",
    }
    command = [sys.executable, "-m", "cdk.app"]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_template_is_synthesised_without_docker_or_an_account(tmp_path: Path) -> None:
    run = synthesise(tmp_path / "out", stackName="staging")
    assert run.returncode == 0, run.stderr
    template = json.loads((tmp_path / "out" / "staging.template.json").read_text())
    assert template["Outputs"]["ApiUrl"]


@pytest.mark.slow
def test_a_bad_value_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    run = synthesise(tmp_path / "out", memory="12")
    assert run.returncode == 2
    assert "cdk: context memory='12' is not valid: it takes a whole number of MB from 512 to 10240" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_cdk_command_line_is_pinned_and_runs_the_app_as_a_module() -> None:
    assert json.loads((ROOT / "cdk.json").read_text())["app"].endswith("python -m cdk.app")
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    version = package["devDependencies"]["aws-cdk"]
    assert version == lock["packages"]["node_modules/aws-cdk"]["version"]
    assert version.replace(".", "").isdigit()
    assert not any("resolved" in entry for entry in lock["packages"].values())


@pytest.mark.parametrize("name", ["synth", "deploy", "train-remote"])
def test_the_scripts_are_executable_and_parse(name: str) -> None:
    verb = ROOT / "scripts" / name
    assert os.access(verb, os.X_OK)
    assert subprocess.run(["bash", "-n", str(verb)], check=False).returncode == 0
    assert "/environment.sh" in verb.read_text()


def test_importing_the_module_runs_nothing() -> None:
    assert callable(app.main)
