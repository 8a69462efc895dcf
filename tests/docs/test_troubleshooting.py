"""docs/troubleshooting.md finds a page by its message, so the messages must be those of the code."""

import ast
import re
from functools import cache

import pytest

from tests.docs.markdown import ROOT, spans

PAGE = ROOT / "docs" / "troubleshooting.md"
PACKAGES = ("lambda_app", "training", "operate", "client", "fetch", "scripts")
HEADINGS = ("message", "reason", "status, message")


@cache
def texts_of_the_code() -> str:
    """Every text of the sources; a value in an f-string is `...`. Neighbouring literals are one text already."""
    found = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    found.append("".join(_text(part) for part in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


def _text(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "..."


def messages() -> list[str]:
    """The texts in backticks of the first cells of all tables whose first heading is a message."""
    found, wanted = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            wanted = False
        elif line.strip("| ").split(" | ")[0] in HEADINGS:
            wanted = True
        elif wanted:
            found += spans(line.split(" | ")[0])
    return found


def missing(message: str) -> list[str]:
    """The parts of a message between its `...` that no text of the code has."""
    parts = [part.strip() for part in message.split("...")]
    return [part for part in parts if re.search(r"\w", part) and part not in texts_of_the_code()]


def test_the_page_has_messages():
    assert len(messages()) > 25


@pytest.mark.parametrize("message", messages())
def test_a_message_is_one_of_the_code(message: str):
    assert missing(message) == []


def test_another_message_is_found():
    assert missing("the photo does not like you: ...") == ["the photo does not like you:"]
