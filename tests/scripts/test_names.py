import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))


def test_no_script_has_the_name_of_a_package():
    """Python finds the script's own folder first, so `scripts/fetch.py` could not import the package `fetch`."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {"fetch", "sample"} <= packages
    assert {path.stem for path in SCRIPTS} & packages == set()


@pytest.mark.slow
def test_the_program_behind_scripts_fetch_starts():
    program = ROOT / "scripts" / "fetch_photos.py"
    assert f"scripts/{program.name}" in (ROOT / "scripts" / "fetch").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, str(program), "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "usage: scripts/fetch" in done.stdout
