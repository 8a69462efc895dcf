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


def set_up(project: Path, *extras: str, reaches: bool = False, **environ: str) -> str:
    """Run the script and return the calls that install; `reaches`: whether PyTorch's own index answers."""
    calls = project / "installed.txt"
    calls.unlink(missing_ok=True)
    asked = project / "python"  # checks its version, and asks for the index
    asked.write_text(f"#!/bin/sh\n[ $# -gt 1 ] || {'exit 0' if reaches else 'exit 1'}\n")
    asked.chmod(0o755)
    own = {"UV_TORCH_BACKEND": "", "UV_DEFAULT_INDEX": "", "UV_INDEX_URL": "", "PIP_INDEX_URL": "", **environ}
    command: list[str | Path] = [project / "scripts" / "setup", *extras]
    subprocess.run(command, env={**os.environ, "PYTHON": str(asked), **own}, check=True, capture_output=True)
    return calls.read_text() if calls.exists() else ""


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


linux_without_gpu = pytest.mark.skipif(
    sys.platform != "linux" or Path("/dev/nvidiactl").exists(), reason="Linux without an NVIDIA GPU"
)


@linux_without_gpu
def test_without_a_gpu_the_cpu_build_of_pytorch_is_taken(project: Path):
    assert "--torch-backend cpu" in set_up(project, "serving", "training", reaches=True)


@linux_without_gpu
@pytest.mark.parametrize(
    ("extras", "environ"),
    [
        (["serving", "local"], {}),
        (["training"], {"UV_TORCH_BACKEND": "cu128"}),
        (["training"], {"PIP_INDEX_URL": "https://packages.shop.example/simple"}),
    ],
)
def test_the_registry_s_build_is_taken_without_training_or_with_an_own_registry(
    project: Path, extras: list[str], environ: dict[str, str]
):
    calls = set_up(project, *extras, reaches=True, **environ)
    assert f".[{','.join(extras)}]" in calls
    assert "--torch-backend" not in calls


@linux_without_gpu
def test_the_registry_s_build_is_taken_where_the_index_of_the_cpu_build_cannot_be_reached(project: Path):
    calls = set_up(project, "training")
    assert ".[training]" in calls
    assert "--torch-backend" not in calls


@linux_without_gpu
def test_the_registry_s_build_is_taken_where_the_cpu_build_cannot_be_installed(project: Path):
    uv = project / ".venv" / "bin" / "uv"
    uv.write_text(uv.read_text() + 'case "$*" in *--torch-backend*) exit 1 ;; esac\n')
    calls = set_up(project, "training", reaches=True).splitlines()
    assert "--torch-backend cpu" in calls[-2]
    assert "--torch-backend" not in calls[-1]
    assert ".[training]" in calls[-1]


def test_help_installs_nothing(project: Path):
    assert not set_up(project, "--help")


@pytest.mark.parametrize("extra", ["servin", "--verbose", "local.", "name", ""])
def test_an_extra_that_there_is_not_is_refused_before_anything_is_installed(project: Path, extra: str):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        set_up(project, "serving", extra)
    assert caught.value.returncode == 2
    assert f"'{extra}' is not an extra of pyproject.toml; it has: serving local" in caught.value.stderr.decode()
    assert not (project / "installed.txt").exists()
    assert not [*(project / ".venv").glob(".installed-*")]
