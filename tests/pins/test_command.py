import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pins.command import FAIL_ON, configured, main
from tests.pins.conftest import Registries

ROOT = Path(__file__).parents[2]


def run(registries: Registries, *arguments: str) -> int:
    return main(ROOT, {"PIP_INDEX_URL": registries.addresses.pypi}, arguments)


def test_a_pin_is_compared_with_the_index_that_pip_would_use(
    registries: Registries, capsys: pytest.CaptureFixture[str]
):
    registries.give_package("idna", "3.20", "99.0")
    assert run(registries, "--only", "IDNA") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:5] == ["major", "PyPI", "idna", "3.20", "99.0"]
    assert [path for path, _ in registries.asked] == ["/simple/idna/"]


@pytest.mark.parametrize(("state", "code"), [("major", 1), ("patch", 1), ("withdrawn", 0), ("end-of-life", 0)])
def test_the_exit_code_is_1_only_for_a_chosen_state(registries: Registries, state: str, code: int):
    registries.give_package("idna", "3.20", "99.0")
    assert run(registries, "--only", "idna", "--fail-on", state) == code


def test_the_output_is_json_or_a_table_for_github(registries: Registries, capsys: pytest.CaptureFixture[str]):
    registries.give_package("idna", "3.20")
    assert run(registries, "--only", "idna", "--json") == 0
    assert [row["state"] for row in json.loads(capsys.readouterr().out)] == ["current"]
    assert run(registries, "--only", "idna", "--markdown") == 0
    assert capsys.readouterr().out.startswith("1 pins: 1 current\n\n| state |")


def test_a_pattern_without_a_pin_and_an_unknown_state_are_refused(
    registries: Registries, capsys: pytest.CaptureFixture[str]
):
    assert run(registries, "--only", "none-*") == 2
    assert "no pin has a name like none-*" in capsys.readouterr().err
    with pytest.raises(SystemExit) as refusal:
        run(registries, "--fail-on", "everything")
    assert refusal.value.code == 2
    assert set(FAIL_ON) == {"patch", "minor", "major", "withdrawn", "end-of-life"}


def test_the_environment_names_the_registries(registries: Registries):
    environ = {"PIP_INDEX_URL": registries.url, "GITHUB_API_URL": "https://git.example/api", "GITHUB_TOKEN": "t"}
    found = configured(environ)
    assert (found.pypi, found.github, found.github_token) == (registries.url, "https://git.example/api", "t")
    assert configured({}).github == "https://api.github.com"
    assert configured({}).npm.startswith("http")


@pytest.mark.slow
def test_the_program_behind_the_script_starts():
    program = ROOT / "scripts" / "outdated.py"
    assert f"scripts/{program.name}" in (ROOT / "scripts" / "outdated").read_text(encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(program), "--help"], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "usage: scripts/outdated" in done.stdout
