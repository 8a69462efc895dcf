"""Reads links, headings, tables and code from Markdown files, for tests that compare them with the code."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = (
    *("lambda_app", "training", "cdk", "sample", "client", "fetch", "benchmarks", "reliability", "operate", "pins"),
    *("scripts", "docs", "tests", ".github"),
)
_FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def fenced(text: str, language: str) -> str:
    """The only fenced block of a language."""
    (block,) = [body for name, body in _FENCE.findall(text) if name == language]
    return block


def shell_lines(text: str) -> list[str]:
    """The lines of all shell blocks, and those behind the prompts of a session.

    A line that ends with a backslash continues in the next.
    """
    lines: list[str] = []
    for language, body in _FENCE.findall(text):
        shown = body.replace("\\\n", " ").splitlines()
        if language in ("sh", "bash"):
            lines += [line.strip() for line in shown if line.strip()]
        elif language == "console":
            lines += [line.strip()[2:] for line in shown if line.strip().startswith("$ ")]
    return lines


def links(text: str) -> list[str]:
    """The targets of links and images."""
    return _LINK.findall(_SPAN.sub("", prose(text)))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings."""
    found: set[str] = set()
    for heading in _HEADING.findall(prose(text)):
        words = re.sub(r"[^\w\- ]", "", re.sub(_LINK, "", heading).lower()).replace(" ", "-")
        number, anchor = 0, words
        while anchor in found:
            number += 1
            anchor = f"{words}-{number}"
        found.add(anchor)
    return found


def section(text: str, heading: str) -> str:
    """The text under a second-level heading, up to the next one."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"no section {heading!r}"
    return rest.partition("\n## ")[0]


def table(text: str, first: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading, without the heading and the rule below it."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            return [_cells(row) for row in _rows(lines)]
    raise AssertionError(f"no table begins with {first!r}")


def spans(text: str) -> list[str]:
    """The texts in backticks."""
    return _SPAN.findall(prose(text))


def paths(text: str) -> list[str]:
    """The texts in backticks that look like a path of this repository, without any arguments after it."""
    words = (span.split()[0] for span in spans(text) if span.strip())
    return [
        word for word in words if "/" in word and not re.search(r"[<>*{}:]|\.\.\.|^[A-Z]+/", word) and _is_path(word)
    ]


def broken_links(path: Path) -> Iterator[str]:
    """The relative links of a file whose target file or heading does not exist."""
    text = path.read_text(encoding="utf-8")
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = path.parent / place if place else path
        if not target.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{link}: no such heading"


def missing_paths(text: str, root: Path = ROOT) -> list[str]:
    """The `paths` that do not exist."""
    return [path for path in paths(text) if not (root / path).exists()]


def _is_path(word: str) -> bool:
    return word.endswith((".py", ".md", ".sh")) or word.partition("/")[0] in FOLDERS


def _rows(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield line


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]
