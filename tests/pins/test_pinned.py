import json
from pathlib import Path

from cdk.context.config import Config
from pins.pinned import AWS_IMAGE, GITHUB, IMAGE, NODE, NPM, PYPI, PYTHON, Pin, read_pins

ROOT = Path(__file__).parents[2]


def of_kind(pins: list[Pin], kind: str) -> dict[str, str]:
    return {pin.name: pin.version for pin in pins if pin.kind == kind}


def test_every_pin_of_this_project_is_found():
    pins = read_pins(ROOT)
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    packages = of_kind([pin for pin in pins if pin.place == "constraints.txt"], PYPI)
    assert packages == dict(line.partition(" ;")[0].split("==") for line in constraints)
    named = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert of_kind(pins, NPM) == named
    assert {"actions/checkout", "aws-actions/configure-aws-credentials"} <= set(of_kind(pins, GITHUB))
    assert set(of_kind(pins, IMAGE)) == {"public.ecr.aws/lambda/python"}
    assert of_kind(pins, AWS_IMAGE) == {"pytorch-training": Config().training_image}
    assert {pin.version for pin in pins if pin.kind == PYTHON} == {"3.11", of_kind(pins, IMAGE).popitem()[1]}
    assert of_kind(pins, NODE) == {"node": "22"}
    assert "sagemaker-training" in of_kind(pins, PYPI)


def test_pins_of_another_project_are_found_once_each(tmp_path: Path):
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    steps = [
        {"uses": "actions/checkout@v6"},
        {"uses": "github/codeql-action/init@v4"},
        {"uses": "./local"},
        {"run": ""},
    ]
    for name in ("a.yml", "b.yml"):
        (workflows / name).write_text(json.dumps({"jobs": {"test": {"steps": steps}, "called": {"uses": "./c.yml"}}}))
    (tmp_path / "constraints.txt").write_text("idna==3.20\nuvloop==0.23.0 ; sys_platform != 'win32'\n")
    (tmp_path / "package.json").write_text('{"dependencies": {"@scope/left": "^1.0.0"}}')
    locked = {"node_modules/@scope/left": {"version": "1.4.0"}, "node_modules/its-own": {"version": "9.0.0"}}
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": locked}))
    (tmp_path / "Dockerfile.lambda").write_text(
        "ARG BASE=docker.example/python:3.13\nFROM ${BASE}\nFROM a.example/b:1.2 AS c\n"
    )
    (tmp_path / ".pre-commit-config.yaml").write_text(
        json.dumps(
            {"repos": [{"repo": "https://github.com/astral-sh/ruff-pre-commit", "rev": "v0.17.6"}, {"repo": "local"}]}
        )
    )
    pins = read_pins(tmp_path)
    assert of_kind(pins, PYPI) == {"idna": "3.20", "uvloop": "0.23.0"}
    assert of_kind(pins, NPM) == {"@scope/left": "1.4.0"}
    assert of_kind(pins, IMAGE) == {"docker.example/python": "3.13", "a.example/b": "1.2"}
    assert of_kind(pins, GITHUB) == {
        "actions/checkout": "v6",
        "github/codeql-action": "v4",
        "astral-sh/ruff-pre-commit": "v0.17.6",
    }
    assert [pin.place for pin in pins if pin.name == "actions/checkout"] == [".github/workflows/a.yml"]
