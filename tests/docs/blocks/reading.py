"""Reads the code that a reader of the documents copies: shell commands, Python and JavaScript."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.docs.markdown import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = ("sh", "bash", "console")
CODE = ("python", "js", "javascript", "jsx")
# What programs print, and files and figures: nobody runs these.
SHOWN = ("", "text", "json", "html", "ini", "mermaid", "floors", "tree")
_FENCE = re.compile(r"^([ ]*)```(\S*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


@cache
def blocks() -> tuple[Block, ...]:
    """All fenced blocks of all pages."""
    return tuple(block for page in PAGES for block in blocks_of(page, page.read_text(encoding="utf-8")))


def blocks_of(page: Path, text: str) -> Iterator[Block]:
    """The fenced blocks of a page, without the indentation of a list."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found[2], textwrap.dedent(found[3]))


def pasted(block: Block) -> str:
    """What a reader pastes into a shell: the block, or the lines behind the prompts of a session that it shows."""
    if block.language != "console":
        return block.text
    lines: list[str] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            lines.append(line[2:])
        elif lines and lines[-1].endswith("\\"):
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def commands(block: Block) -> list[str]:
    """The commands of a shell block, each in one line; a loop is one command."""
    joined = re.sub(r"\\\n\s*", "", pasted(block))
    loops = re.sub(r"(?ms)^for .*?^done$", lambda found: "; ".join(found[0].splitlines()), joined)
    return [line.strip() for line in loops.splitlines() if line.strip()] if block.language in SHELL else []
