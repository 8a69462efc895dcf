"""What `--help` of each script says: examples that are right, defaults, units, and the name that people type."""

import argparse
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from client.command import CommandParser, described
from fetch.command import command_line as of_fetch
from lambda_app.errors import LookalikeError
from operate.catalogue.options import command_line as of_catalogue
from operate.drift.command import command_line as of_drift
from operate.vectors.options import command_line as of_vectors
from pins.command import command_line as of_outdated
from reliability.conformance.command import command_line as of_conformance
from scripts import (
    ask,
    bench,
    demo,
    fuzz,
    publish,
    releases,
    sample_catalogue,
    screenshots,
    serve,
    smoke,
    soak,
    train_remote,
)
from training import train

ROOT = Path(__file__).parents[2]
PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "ask": ask.command_line,
    "bench": bench.command_line,
    "catalogue": of_catalogue,
    "conformance": of_conformance,
    "demo": demo.command_line,
    "drift": of_drift,
    "fetch": of_fetch,
    "fuzz": fuzz.command_line,
    "outdated": of_outdated,
    "publish": publish.command_line,
    "releases": releases.command_line,
    "sample": sample_catalogue.command_line,
    "screenshots": screenshots.command_line,
    "serve": serve.command_line,
    "smoke": smoke.command_line,
    "soak": soak.command_line,
    "train": lambda: train.command_line(train.Places()),
    "train-remote": train_remote.command_line,
    "vectors": of_vectors,
}
# Their help is the comment at their top, except that of setup.
IN_SHELL = ("deploy", "lint", "setup", "synth", "test")
# What the help of a number names, besides "number of": its unit or its range.
UNIT = re.compile(
    r"number of|any number|seconds|minutes|days|hours|pixels|bytes|MiB|GiB|degrees|currency|port|photos|passes|share|"
    r"rate|decay|weight|times|attempts|threads|\bto\b"
)


def verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the sub-commands."""
    (found,) = [one.choices for one in parser._actions if isinstance(one, argparse._SubParsersAction)] or [{}]
    return found


def parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [parser, *verbs(parser).values()]


def examples(text: str) -> Iterator[list[str]]:
    """The words of each command in a text: a line that begins with scripts/, perhaps after variables."""
    for line in text.splitlines():
        if found := re.fullmatch(r"\s*(?:examples?:\s+)?((?:[A-Z_]+=\S+ )*scripts/.*)", line):
            assert not re.search(r"\S {2,}[^ #]", found[1]), f"what follows a command is a comment: {line}"
            words = shlex.split(found[1], comments=True)
            first = next(place for place, word in enumerate(words) if word.startswith("scripts/"))
            yield list(takewhile(lambda word: not re.match(r"\d?>", word), words[first:]))


def mistakes(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What a newcomer would miss in the help of one parser."""
    if not parser.description:
        yield f"{parser.prog} does not say what it does"
    own = [words for words in examples(parser.epilog or "") if f"{' '.join(words)} ".startswith(f"{parser.prog} ")]
    if not own:
        yield f"{parser.prog} has no example"
    for action in parser._actions:
        name = f"{parser.prog} {'/'.join(action.option_strings) or action.metavar or action.dest}"
        if isinstance(action, argparse._SubParsersAction):
            continue
        if not action.help:
            yield f"{name} has no help"
            continue
        optional = bool(action.option_strings) or action.nargs in ("?", "*")
        if optional and action.nargs != 0 and not re.search(r"default|required", action.help):
            yield f"{name} has no default"
        if action.type in (int, float) and not UNIT.search(action.help):
            yield f"{name} has no unit"


def refusal(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Why a script refuses a command; nothing if it takes it."""
    name = words[0].removeprefix("scripts/")
    if name in IN_SHELL:
        return ""
    try:
        parser = PARSERS[name]()
        if any(isinstance(one, argparse._SubParsersAction) for one in parser._actions):
            parser.parse_args(words[1:])  # argparse cannot mix positional arguments and sub-commands
        else:
            parser.parse_intermixed_args(words[1:])
    except SystemExit as exc:
        printed = capsys.readouterr().err
        return f"{' '.join(words)}: {printed}" if exc.code else ""
    except (LookupError, LookalikeError) as exc:
        return f"{' '.join(words)}: {exc!r}"
    return ""


def test_each_script_is_in_the_table():
    there = {path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix}
    assert there == {*PARSERS, *IN_SHELL}


@pytest.mark.parametrize("name", PARSERS)
def test_help_says_what_each_option_does_with_default_and_unit(name: str):
    parser = PARSERS[name]()
    assert [mistake for one in parsers(parser) for mistake in mistakes(one)] == []
    assert {one.format_usage().split()[1] for one in parsers(parser)} == {f"scripts/{name}"}
    for one in parsers(parser):
        assert "default: None" not in one.format_help()


@pytest.mark.parametrize("name", PARSERS)
def test_examples_are_commands_that_the_scripts_take(name: str, capsys: pytest.CaptureFixture[str]):
    texts = [one.epilog or "" for one in parsers(PARSERS[name]())]
    texts.append((ROOT / "scripts" / name).read_text(encoding="utf-8").replace("# example: ", "example: "))
    found = [words for text in texts for words in examples(text)]
    assert len(found) > 1
    assert [text for words in found if (text := refusal(words, capsys))] == []


@pytest.mark.parametrize("name", IN_SHELL)
def test_a_shell_script_answers_help_without_setting_up_anything(name: str, tmp_path: Path):
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHON": "false"}
    command = [str(ROOT / "scripts" / name), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=60, check=True)
    assert done.stdout.startswith(f"usage: scripts/{name}")
    assert any(words[0] == f"scripts/{name}" for words in examples(done.stdout))
    assert done.stderr == ""


def test_the_checks_find_what_is_missing(capsys: pytest.CaptureFixture[str]):
    parser = CommandParser(prog="scripts/sample", epilog="example: scripts/sampel out")
    parser.add_argument("--photos", type=int, help="how many; default: 3")
    parser.add_argument("--name", help="its name")
    parser.add_argument("--quick", action="store_true")
    added = parser.add_subparsers().add_parser("draw", **described("draw photos", "scripts/sample draw --photo 3"))
    assert list(mistakes(parser)) == [
        "scripts/sample does not say what it does",
        "scripts/sample has no example",
        "scripts/sample --photos has no unit",
        "scripts/sample --name has no default",
        "scripts/sample --quick has no help",
    ]
    assert list(mistakes(added)) == []
    assert "KeyError('sampel')" in refusal(["scripts/sampel", "out"], capsys)
    assert "unrecognized arguments: --photo 3" in refusal(["scripts/sample", "out", "--photo", "3"], capsys)
