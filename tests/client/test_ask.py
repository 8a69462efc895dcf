"""Runs scripts/ask.py as a user does."""

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from PIL import Image

from client.picture import GAP, QUERY_SIDE, TILE_SIDE
from tests.releases import CATEGORIES, DIM

SCRIPT = Path(__file__).parents[2] / "scripts" / "ask.py"


class Done(NamedTuple):
    """The exit code and the output of a run."""

    code: int
    out: str
    err: str


@pytest.fixture
def ask(monkeypatch, capsys) -> Callable[..., Done]:
    """Run the script in this process with the given arguments."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["ask.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        code = ended.value.code
        assert isinstance(code, int), code
        return Done(code, *capsys.readouterr())

    return run


def test_answers_are_printed_and_drawn(ask, served, tmp_path, monkeypatch):
    photo = served.photos["003a"]
    monkeypatch.chdir(photo.parent)
    done = ask(photo.name, "--url", served.url, "--picture", tmp_path / "out.png")
    assert (done.code, done.err) == (0, "")
    assert any(f"category: {category} (index {index})" in done.out for index, category in enumerate(CATEGORIES))
    assert f"features: {len(CATEGORIES)} numbers: " in done.out
    assert f"embedding: {DIM} numbers: " in done.out
    head, nearest, *others = done.out.split("\n\n")[1].splitlines()
    assert head.split() == ["score", "category", "price", "title", "image", "id"]
    assert float(nearest.split()[0]) == pytest.approx(1, abs=1e-3)
    assert nearest.split()[-4:] == ["40.00", "Listing", "3", "003a"]
    assert len(others) == 3
    assert done.out.endswith(f"\npicture: {tmp_path / 'out.png'}\n")
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.width == 2 * GAP + QUERY_SIDE + 4 * (TILE_SIDE + GAP)


def test_the_answer_is_printed_as_json(ask, served):
    done = ask(served.photos["003a"], "--url", served.url, "--json", "--k", 2)
    answer = json.loads(done.out)
    assert [answer["results"][0][name] for name in ("image_id", "title", "price")] == ["003a", "Listing 3", 40.0]
    assert len(answer["results"]) == len(answer["similar_index"]) == 2
    assert answer["probabilities"][0]["category_index"] == answer["category_index"]


def test_the_json_has_the_api_s_keys_in_their_order_and_each_list_of_numbers_in_one_line(ask, served):
    photo = served.photos["003a"]
    done = ask(photo, "--url", served.url, "--json", "--k", 2)
    with photo.open("rb") as file:
        answer = requests.post(f"{served.url}/predict", files={"file": file}, params={"k": 2}, timeout=60).text
    printed, given = (json.loads(text, object_pairs_hook=list) for text in (done.out, answer))
    assert [name for name, _ in printed] == [name for name, _ in given]
    assert [[name for name, _ in one] for one in dict(printed)["results"]] == [
        [name for name, _ in one] for one in dict(given)["results"]
    ]
    (line,) = [line for line in done.out.splitlines() if line.startswith('  "embedding": ')]
    assert len(json.loads(line.partition(": ")[2].rstrip(","))) == DIM


def test_a_picture_that_cannot_be_written_is_one_line(ask, served, tmp_path):
    done = ask(served.photos["003a"], "--url", served.url, "--picture", tmp_path / "nowhere" / "out.png")
    assert done.code == 2
    assert done.err == f"scripts/ask: {tmp_path}/nowhere/out.png cannot be written: No such file or directory\n"


@pytest.mark.parametrize(
    ("name", "why"),
    [("folder.png", "Is a directory"), ("file/out.png", "Not a directory"), ("no/out.png", "No such file")],
)
def test_a_picture_that_cannot_be_written_is_known_before_the_request(ask, served, tmp_path, name, why):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    done = ask(served.photos["003a"], "--url", "http://127.0.0.1:9", "--picture", tmp_path / name)
    assert done.code == 2
    assert done.err.startswith(f"scripts/ask: {tmp_path / name} cannot be written: {why}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_options_become_parameters(ask, served):
    photos = [served.photos["003a"], served.photos["003b"]]
    asked = ("--min-price", 100, "--max-price", 120, "--k", 9, "--distinct", "image", "--rank", "cosine")
    done = ask(*photos, "--url", served.url, "--json", *asked)
    assert {result["price"] for result in json.loads(done.out)["results"]} == {100.0, 110.0, 120.0}
    done = ask(photos[0], "--url", served.url, "--json", "--q", "listing 7", "--box", "0,0,0.5,1")
    assert "product-007" in [result["product_id"] for result in json.loads(done.out)["results"]]
    done = ask(*photos, "--url", served.url, "--box", "0,0,0.5,1")
    assert "the request has 2 photos; a box takes 1 photo" in done.err
    done = ask(*[photos[0]] * 5, "--url", served.url)
    assert (done.code, "there are 5 photos; a request takes 1 to 4" in done.err) == (2, True)


def test_a_closed_output_pipe_gives_no_traceback(served):
    command = [sys.executable, SCRIPT, served.photos["003a"], "--url", served.url]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "")


def test_control_characters_are_not_printed(ask, served, tmp_path):
    done = ask(tmp_path / "a\x1b[2J\rb.jpg", "--url", served.url)
    assert "a [2J b.jpg" in done.err
    assert done.err.count("\n") == 1


def test_a_neighbour_without_a_photo_is_drawn_as_a_frame(ask, served, tmp_path):
    (served.stored / "007b.jpg").rename(tmp_path / "away.jpg")
    try:
        done = ask(served.photos["007b"], "--url", served.url, "--k", 1, "--picture", tmp_path / "out.png")
    finally:
        (tmp_path / "away.jpg").rename(served.stored / "007b.jpg")
    assert done.code == 0
    assert done.err.startswith("scripts/ask: no photo of 007b: ")
    assert (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none.jpg"], 2, "none.jpg: No such file"),
        (["."], 2, "Is a directory"),
        (["text.jpg"], 1, "answered 415"),
        (["photo.jpg", "--k", "0"], 1, "k is 0"),
        (["photo.jpg", "--k", "many"], 2, "argument --k: invalid int value: 'many'. scripts/ask --help lists"),
        (["photo.jpg", "--picture", "out.txt"], 2, "'out.txt' names no image format"),
        (["photo.jpg", "--picture", "none/out.png"], 2, "none/out.png cannot be written"),
        (["photo.jpg", "--url", "http://127.0.0.1:9"], 1, "nothing answers at http://127.0.0.1:9"),
    ],
)
def test_an_error_is_reported_in_one_line(ask, served, tmp_path, monkeypatch, arguments, code, words):
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "photo.jpg").write_bytes(served.photos["000a"].read_bytes())
    monkeypatch.chdir(tmp_path)
    # If --url is given twice, the last one is used.
    done = ask("--url", served.url, *arguments)
    assert done.code == code
    assert done.err.startswith("scripts/ask: ")
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_deployment_that_wants_to_know_who_calls_is_explained(ask, served, tmp_path, gateway):
    photo = served.photos["003a"]
    done = ask(photo, "--url", gateway)
    assert done.code == 1
    assert done.err.endswith("answered 401: Unauthorized; this deployment takes a token: --token\n")
    assert ask(photo, "--url", gateway, "--token", "good").code == 0
    (tmp_path / "token").write_text("good\n")
    assert ask(photo, "--url", gateway, "--token", f"@{tmp_path / 'token'}").code == 0
    done = ask(photo, "--url", gateway, "--token", "bad")
    assert done.err.endswith(
        "answered 401: Unauthorized; the token may have expired (many last an hour), or is of another issuer\n"
    )
    done = ask(photo, "--url", gateway, "--token", "@none")
    assert (done.code, done.err) == (2, "scripts/ask: none: No such file or directory\n")


def test_the_help_has_examples_and_each_default(ask):
    shown = " ".join(ask("--help").out.split())
    assert "scripts/ask sofa.jpg --url https://search.shop.example --token @token.txt" in shown
    options = set(re.findall(r"--[a-z][a-z0-9-]*", shown)) - {"--help", "--json", "--sigv4"}
    assert shown.count("default: ") == len(options)
