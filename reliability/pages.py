"""Counts in a page of the docs: each check has a block between two marks."""

from collections.abc import Sequence
from pathlib import Path


def write_block(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace the block of a check in a Markdown page.

    Raises:
        ValueError: the page has no `<!-- begin NAME -->` before an `<!-- end NAME -->`.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    text = page.read_text()
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} has no block for {name}: it needs the lines {begin} and {end}")
    block = "\n".join(["", "```text", *lines, "```", ""])
    partial = page.with_name(f".{page.name}.partial")
    partial.write_text(f"{before}{begin}{block}{end}{after}")
    partial.replace(page)
