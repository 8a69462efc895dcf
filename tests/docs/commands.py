"""Reads the commands of a document and checks them against the programs that they start, without running them."""

import contextlib
import io
import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

from lambda_app.errors import LookalikeError
from tests.docs.markdown import ROOT, shell_lines, spans
from training import train
from training.cloud.hyperparameters import parse_hyperparameters
from training.compare import plan

Words = Sequence[str]
_PACKAGES = ("training", "benchmarks")
# These scripts pass their arguments on to another program: pytest, cdk, pip.
_PASSED_ON = {"scripts/setup", "scripts/test", "scripts/lint", "scripts/synth", "scripts/deploy"}
# The programs whose command line can be parsed, with all values, without running them.
_PARSERS: dict[str, Callable[[Words], object]] = {
    "training.train": lambda words: train.parse(words, train.Places()),
    "training.compare": plan.parse,
}


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Program ("training.fit", "scripts/bench") and arguments of each command in shell blocks and in backticks."""
    for line in [*shell_lines(text), *(span for span in spans(text) if " " in span)]:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a quote without its partner: not a command
            continue
        if words and words[0].startswith("scripts/"):
            yield words[0], words[1:]
        elif "-m" in words[:-1] and words[words.index("-m") + 1].partition(".")[0] in _PACKAGES:
            start = words.index("-m") + 1
            yield words[start], words[start + 1 :]


def mistake(program: str, arguments: Words, whole: bool = True) -> str | None:
    """What is wrong with a command; None if its program accepts it.

    Args:
        whole: whether required arguments must be there, as in a shell block.
    """
    if program in _PASSED_ON:
        return None
    module = _module_of(program)
    try:
        shown = help_of(module, tuple(arguments))
        if whole and module in _PARSERS and "--help" not in arguments:
            _PARSERS[module](list(arguments))
        if program == "scripts/train-remote":
            pairs = pairwise(arguments)
            parse_hyperparameters(value for name, value in pairs if name == "--hyperparameter")
    except (LookalikeError, LookupError) as exc:
        return f"{program} {' '.join(arguments)}: {exc}"
    unknown = {word.partition("=")[0] for word in arguments if word.startswith("--")} - options(shown) - {"--help"}
    if program == "scripts/bench":
        names = _before_options(arguments)
        unknown |= set(names) - set(runpy.run_path(str(ROOT / "scripts" / "bench.py"))["NAMES"])
    return f"{program} {' '.join(arguments)}: no {', '.join(sorted(unknown))}" if unknown else None


def options(shown: str) -> set[str]:
    """The options in the text that `--help` prints."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", shown))


@cache
def help_of(module: str, arguments: tuple[str, ...] = ()) -> str:
    """What a program prints for `--help` after these arguments, and without them.

    Raises:
        LookupError: no such program, or it refuses the arguments.
    """
    path = _file_of(module)
    printed = io.StringIO()
    for words in {(), arguments}:
        with (
            patch.object(sys, "argv", [str(path), *words, "--help"]),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            contextlib.suppress(SystemExit),
        ):
            runpy.run_path(str(path), run_name="__main__")
        if "usage: " not in printed.getvalue() or "error: " in printed.getvalue():
            raise LookupError(printed.getvalue().strip().splitlines()[-1])
    return printed.getvalue()


def _module_of(program: str) -> str:
    """The Python program of a shell script, or the program itself."""
    if not program.startswith("scripts/"):
        return program
    script = ROOT / program
    text = script.read_text(encoding="utf-8") if script.is_file() else ""
    found = re.search(r"(scripts/\w+\.py)|-m ([\w.]+)", text)
    return (found[1] or found[2]) if found else program


def _file_of(module: str) -> Path:
    if module.endswith(".py"):
        return ROOT / module
    path = ROOT / module.replace(".", "/")
    for file in (path / "__main__.py", path.with_suffix(".py")):
        if file.is_file():
            return file
    raise LookupError("no such program")


def _before_options(arguments: Words) -> list[str]:
    first = next((place for place, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return list(arguments[:first])
