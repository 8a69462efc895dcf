"""scripts/node_packages.sh, which scripts/synth and scripts/deploy source, with a fake Node and a fake npm."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cdk.conftest import ROOT


def sourced(tmp_path: Path, version: str | None) -> subprocess.CompletedProcess[str]:
    """Source the file in a folder with a package-lock.json, on a machine that has this Node only."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "sed"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    fakes = {"npm": "mkdir -p node_modules; > node_modules/.package-lock.json"}
    if version is not None:
        fakes["node"] = f"echo {version}"
    (tools / "mkdir").symlink_to(str(shutil.which("mkdir")))
    for name, command in fakes.items():
        (tools / name).write_text(f"#!{shutil.which('bash')}\n{command}\n")
        (tools / name).chmod(0o755)
    shutil.copy(ROOT / "scripts" / "node_packages.sh", tmp_path)
    (tmp_path / "package-lock.json").touch()
    silenced = "echo silenced=${JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION:-}"
    command = f"set -euo pipefail; . ./node_packages.sh; {silenced}"
    environ = {key: value for key, value in os.environ.items() if not key.startswith("JSII_")} | {"PATH": str(tools)}
    return subprocess.run(
        [str(tools / "bash"), "-c", command, "scripts/synth"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("version", "found"), [(None, "none"), ("v18.20.1", "version 18"), ("", "none")])
def test_a_missing_or_old_node_is_one_clear_line(tmp_path: Path, version: str | None, found: str) -> None:
    run = sourced(tmp_path, version)
    assert run.returncode == 2
    assert run.stderr == (
        f"scripts/synth: Node 20 or newer is required (found: {found}); install it from https://nodejs.org\n"
    )


@pytest.mark.parametrize(
    ("version", "lines", "silenced"), [("v20.20.2", 1, "20"), ("v22.1.0", 0, ""), ("v24.0.0", 0, "")]
)
def test_node_20_is_advised_against_in_one_line_and_newer_ones_are_not(
    tmp_path: Path, version: str, lines: int, silenced: str
) -> None:
    run = sourced(tmp_path, version)
    assert (run.returncode, len(run.stderr.splitlines())) == (0, lines)
    assert run.stdout == f"silenced={silenced}\n"
    assert (tmp_path / "node_modules" / ".package-lock.json").exists()
