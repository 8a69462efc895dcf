"""Checks the files that GitHub and pre-commit read: valid syntax, GitHub's rules, and commands that exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
# GitHub documentation, "Syntax for issue forms" and "Syntax for GitHub's form schema".
FORM_KEYS = {"name", "description", "body", "assignees", "labels", "title", "type", "projects"}
ELEMENT_KEYS = {"type", "id", "attributes", "validations"}
ATTRIBUTES = {
    "markdown": {"value"},
    "textarea": {"label", "description", "placeholder", "value", "render"},
    "input": {"label", "description", "placeholder", "value"},
    "dropdown": {"label", "description", "multiple", "options", "default"},
    "checkboxes": {"label", "description", "options"},
}
ECOSYSTEMS = {
    "pip": "pyproject.toml",
    "npm": "package-lock.json",
    "github-actions": ".github/workflows",
    "docker": "Dockerfile.lambda",
}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def faults(form: dict[str, Any]) -> Iterator[str]:
    """Descriptions of everything that GitHub would refuse in an issue form."""
    yield from (f"unknown key {key}" for key in form.keys() - FORM_KEYS)
    yield from (f"no {key}" for key in ("name", "description", "body") if not form.get(key))
    body = form.get("body") or []
    if all(element.get("type") == "markdown" for element in body):
        yield "nothing to fill in"
    for key, values in (
        ("id", [element["id"] for element in body if "id" in element]),
        ("label", [element["attributes"]["label"] for element in body if "label" in element.get("attributes", {})]),
    ):
        yield from (f"{key} {value!r} stands twice" for value in sorted({v for v in values if values.count(v) > 1}))
    for element in body:
        yield from _faults_of(element)


def _faults_of(element: dict[str, Any]) -> Iterator[str]:
    kind, attributes = element.get("type"), element.get("attributes") or {}
    if kind not in ATTRIBUTES:
        yield f"unknown type {kind}"
        return
    yield from (f"{kind}: unknown key {key}" for key in element.keys() - ELEMENT_KEYS)
    yield from (f"{kind}: unknown attribute {key}" for key in attributes.keys() - ATTRIBUTES[kind])
    if not attributes.get("value" if kind == "markdown" else "label"):
        yield f"{kind}: no text"
    if kind in ("dropdown", "checkboxes") and not attributes.get("options"):
        yield f"{kind}: no options"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", element.get("id", "x")):
        yield f"{kind}: bad id {element['id']!r}"
    if not all(isinstance(value, bool) for value in (element.get("validations") or {}).values()):
        yield f"{kind}: validations are true or false"


def test_there_are_forms_for_bugs_and_for_features():
    assert [path.name for path in FORMS] == ["bug_report.yml", "feature_request.yml"]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_follows_the_schema_of_github(path: Path):
    assert list(faults(read(path))) == []


def test_the_check_finds_a_faulty_form():
    form = {
        "name": "Bug",
        "bodies": [],
        "body": [
            {"type": "text", "attributes": {"label": "x"}},
            {"type": "input", "id": "a b", "attributes": {"label": "x", "size": 3}},
            {"type": "dropdown", "attributes": {"label": "y"}, "validations": {"required": "yes"}},
        ],
    }
    assert set(faults(form)) == {
        "unknown key bodies",
        "no description",
        "label 'x' stands twice",
        "unknown type text",
        "input: unknown attribute size",
        "input: bad id 'a b'",
        "dropdown: no options",
        "dropdown: validations are true or false",
    }


def test_the_workflow_may_only_read_and_runs_what_ci_runs():
    workflow = read(GITHUB / "workflows" / "ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == [".ci/run"]
    assert all((ROOT / command).stat().st_mode & 0o111 for command in commands)
    used = {step["uses"].partition("@")[0]: step for step in job["steps"] if "uses" in step}
    assert set(used) == {"actions/checkout", "actions/setup-python", "actions/setup-node"}
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in used.values())
    assert used["actions/setup-python"]["with"]["python-version"] == "3.11"
    assert used["actions/setup-node"]["with"]["node-version"] == "22"


def test_dependabot_checks_every_kind_of_dependency():
    described = read(GITHUB / "dependabot.yml")
    assert described["version"] == 2
    assert {entry["package-ecosystem"] for entry in described["updates"]} == set(ECOSYSTEMS)
    assert all((ROOT / place).exists() for place in ECOSYSTEMS.values())


def test_the_commit_hook_is_the_lint_script():
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["language"], hook["pass_filenames"]) == ("local", "system", False)
    assert (ROOT / hook["entry"]).stat().st_mode & 0o111
