import ast
import json
import re
import tomllib
from pathlib import Path

from fastapi.testclient import TestClient

from lambda_app.version import VERSION

ROOT = Path(__file__).parents[2]


def test_the_distribution_has_the_version_of_the_source():
    described = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert described["project"]["dynamic"] == ["version"]
    module, _, name = described["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")
    # It must be a literal, so that setuptools can read it without importing the package.
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    (assigned,) = [node for node in tree.body if isinstance(node, ast.AnnAssign)]
    assert assigned.value is not None
    assert (ast.unparse(assigned.target), ast.literal_eval(assigned.value)) == (name, VERSION)


def test_the_node_package_has_the_version_of_the_source():
    package = json.loads((ROOT / "package.json").read_bytes())
    lock = json.loads((ROOT / "package-lock.json").read_bytes())
    assert package["version"] == lock["version"] == lock["packages"][""]["version"] == VERSION


def test_the_api_reports_the_version(client: TestClient):
    assert client.get("/openapi.json").json()["info"]["version"] == VERSION


def test_the_changelog_begins_with_the_version():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.fullmatch(rf"{re.escape(VERSION)} (\(unreleased\)|- \d{{4}}-\d\d-\d\d)", headings[0])
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
