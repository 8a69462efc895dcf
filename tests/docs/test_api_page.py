"""docs/api.md says what the service does: its commands are run, and their answers are those of the page."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambda_app.api.description.answers import read_examples
from tests.client.conftest import serve
from tests.docs.api_page import ASKED, MARK, PAGE, made
from tests.lambda_app.api.description.examples import application, comparable

TEXT = PAGE.read_text(encoding="utf-8")
# What a service on one machine answers instead: it takes no uploads, and the small release has no report.
ELSEWHERE = {"createUpload": 501, "getReleaseReport": 404}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands run, with the photos that they name."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """The address of the service that has given the examples."""
    app = application(folder)
    for name in ("photo.jpg", "front.jpg", "back.jpg"):
        shutil.copy(folder / "release" / "photos" / "003a.jpg", folder / name)
    (folder / "note.txt").write_text("not a photo")
    yield from serve(app)


def test_the_page_is_that_of_the_document():
    assert TEXT.partition(MARK)[2].strip() == made().strip(), "python -m tests.docs.api_page writes it again"


def test_each_command_gives_the_answer_of_the_page(url: str, folder: Path):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    answers = read_examples()["answers"]
    for name, command in ASKED.items():
        printed = bash(f"API={url}; {command}", folder)
        if "--output" in command:
            assert (folder / re.findall(r"--output (\S+)", command)[0]).stat().st_size > 100 or name in ELSEWHERE
        elif name in ELSEWHERE:
            assert json.loads(printed)["status"] == ELSEWHERE[name]
        else:
            answer = json.loads(printed)
            for entry in answer.get("entries", ()):
                entry["filename"] = {"photo.jpg": "lamp.jpg"}.get(entry["filename"], entry["filename"])
            assert comparable(answer) == comparable(answers[name]), name


def test_the_program_of_the_page_runs(url: str, folder: Path, monkeypatch, capsys):
    program, deployment = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LOOKALIKE_TOKEN", "any")
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)
    exec(compile(deployment, str(PAGE), "exec"), {})  # noqa: S102
    assert program.count("http://127.0.0.1:8000") == 1
    exec(compile(program.replace("http://127.0.0.1:8000", url), str(PAGE), "exec"), {})  # noqa: S102
    *results, more = capsys.readouterr().out.splitlines()
    assert results[0].endswith("True Listing 3 40.0 EUR")
    assert "003a" not in more


def bash(command: str, folder: Path) -> str:
    """What a command prints."""
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
