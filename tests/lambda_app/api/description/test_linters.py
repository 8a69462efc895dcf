"""Redocly CLI and Spectral, of npm, find nothing in the document."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lambda_app.api.app import create_app
from lambda_app.settings import Settings

ROOT = Path(__file__).parents[4]
HERE = Path(__file__).parent
MODES: dict[str, Any] = {
    "none": {"catalogue_writes": "open"},
    "jwt": {"auth": "jwt", "catalogue_writes": "iam"},
    "iam": {"auth": "iam"},
}
LINTERS = {
    "redocly": ["lint", "--config", str(HERE / "redocly.yaml"), "--max-problems", "20", "--format", "stylish"],
    "spectral": ["lint", "--ruleset", str(HERE / "spectral.yaml"), "--fail-severity", "warn"],
}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The document for each way to protect the service."""
    folder = tmp_path_factory.mktemp("documents")
    for name, mode in MODES.items():
        write(folder / f"{name}.json", create_app(Settings(store="unused", **mode)).openapi())
    return sorted(folder.iterdir())


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a document as the service sends it."""
    path.write_text(json.dumps(document), encoding="utf-8")


def linted(name: str, *documents: Path) -> subprocess.CompletedProcess[str]:
    """Run a linter. It must not ask for newer versions of itself, and sends nothing."""
    program = ROOT / "node_modules" / ".bin" / name
    if not program.exists() or shutil.which("node") is None:
        pytest.skip(f"{name} is not installed: npm ci")
    environ = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    command = [str(program), *LINTERS[name], *map(str, documents)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", LINTERS)
def test_a_linter_finds_nothing(name: str, documents: list[Path]):
    done = linted(name, *documents)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower(), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", LINTERS)
def test_a_linter_would_find_a_mistake(name: str, documents: list[Path], tmp_path: Path):
    document = json.loads(documents[0].read_text(encoding="utf-8"))
    document["paths"]["/predict"]["post"]["operationId"] = "getItem"
    document["components"]["responses"]["Invalid"]["content"]["application/problem+json"]["example"]["status"] = "422"
    write(tmp_path / "wrong.json", document)
    assert linted(name, tmp_path / "wrong.json").returncode != 0
