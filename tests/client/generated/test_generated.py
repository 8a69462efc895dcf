"""Clients of two generators are made from the served document, and used with the service."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.client.conftest import Served
from tests.releases import CATEGORIES

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
MODULES = ROOT / "node_modules"
# openapi-python-client knows no media type with an asterisk.
CONFIG = {"content_type_overrides": {"image/*": "application/octet-stream"}, "post_hooks": []}


def run(*command: object, cwd: Path) -> str:
    """What a command prints; the test fails with all of its output."""
    environ = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def document(served: Served, tmp_path: Path) -> Path:
    """The document of the running service, in a file."""
    path = tmp_path / "openapi.json"
    path.write_bytes(requests.get(f"{served.url}/openapi.json", timeout=10).content)
    return path


def check(answers: dict[str, Any], photo: Path) -> None:
    """Check what both programs print."""
    assert answers["category"] in CATEGORIES
    assert answers["nearest"][0] == "003a"
    assert (answers["several"], answers["found"], answers["price"]) == (3, 2, 40)
    assert (answers["status"], answers["detail"]) == (422, "k is 1000; it takes 1 to 100")
    assert answers["photo"] == photo.stat().st_size


@pytest.mark.slow
def test_a_client_of_openapi_python_client_works(served: Served, document: Path, tmp_path: Path):
    if importlib.util.find_spec("openapi_python_client") is None:
        pytest.skip("openapi-python-client is not installed: scripts/setup")
    config, out = tmp_path / "config.json", tmp_path / "client"
    config.write_text(json.dumps(CONFIG))
    generate = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    run(*generate, "--path", document, "--config", config, "--output-path", out, cwd=tmp_path)
    shutil.copy(HERE / "use.py", out)
    check(json.loads(run(sys.executable, "use.py", served.url, served.photos["003a"], cwd=out)), served.photos["003a"])


@pytest.mark.slow
def test_a_client_of_openapi_typescript_compiles_and_works(served: Served, document: Path, tmp_path: Path):
    if not (MODULES / "openapi-typescript").is_dir() or shutil.which("node") is None:
        pytest.skip("openapi-typescript is not installed: npm ci")
    (tmp_path / "node_modules").symlink_to(MODULES)
    for name in ("generate.mjs", "use.ts"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run("node", "generate.mjs", document.name, "schema.ts", cwd=tmp_path)
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"]
    run("node", "node_modules/typescript/bin/tsc", *options, "--skipLibCheck", "use.ts", cwd=tmp_path)
    check(json.loads(run("node", "use.js", served.url, cwd=tmp_path)), served.photos["003a"])
