"""Tests of scripts/setup in a copy of the project, with fake tools that install nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INPUTS = ("pyproject.toml", "constraints.txt", "lambda_app/version.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("scripts/setup", *INPUTS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for tool in ("python", "uv"):
        (tools / tool).write_text(f'#!/bin/sh\necho "$0 $@" >> "{tmp_path}/installed.txt"\n')
        (tools / tool).chmod(0o755)
    return tmp_path


def set_up(project: Path, *extras: str) -> bool:
    """Run the script; whether it installed anything."""
    calls = project / "installed.txt"
    calls.unlink(missing_ok=True)
    environ = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([project / "scripts" / "setup", *extras], env=environ, check=True, capture_output=True)
    return calls.exists()


def test_a_second_run_installs_nothing(project: Path):
    assert set_up(project, "serving")
    assert not set_up(project, "serving")
    assert set_up(project, "serving", "dev")


@pytest.mark.parametrize("name", INPUTS)
def test_a_change_of_any_input_installs_again(project: Path, name: str):
    set_up(project, "serving")
    with (project / name).open("a") as file:
        file.write("# changed\n")
    assert set_up(project, "serving")
