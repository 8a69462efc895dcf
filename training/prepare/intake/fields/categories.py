"""The root of a category path. What separates its parts is decided by all cells of the column."""

import re
from collections import Counter

from training.prepare.intake.fields.text import text_or_none
from training.prepare.intake.fields.words import quoted

# How exports write a path; of equally frequent ones, the first. A bare slash is part of a name: "TV/Video".
SEPARATORS = {
    ">": re.compile(r"\s*>\s*"),
    " / ": re.compile(r"(?:^|\s+)/(?:\s+|$)"),
    "|": re.compile(r"\s*\|\s*"),
    "»": re.compile(r"\s*»\s*"),
    "›": re.compile(r"\s*›\s*"),
    "→": re.compile(r"\s*→\s*"),
    "::": re.compile(r"\s*::\s*"),
    ";": re.compile(r"\s*;\s*"),
}
_SIGNS = re.compile(r"[>|»›→;]|::|(?:^|\s)/(?:\s|$)")
_COMMA = re.compile(r"(?<!\\),")
_LIST = re.compile(r"""\[\s*(["'])(.*?)\1\s*[,\]].*""", re.DOTALL)
# How many different cells are remembered: most columns hold few, each of them very often.
_KEPT = 10_000


class CategoryColumn:
    """A column of categories: first it looks at every cell, then it reads them."""

    def __init__(self, *, separator: str | None = None, lists: bool = False) -> None:
        """`separator`: as the user gave it; None: found out. `lists`: a cell is a list of paths with commas."""
        self._given = separator
        self._lists = lists
        self._counts: Counter[str] = Counter()
        self._pattern = None if separator is None else re.compile(rf"\s*{re.escape(separator.strip() or separator)}\s*")
        self._between_lists: re.Pattern[str] | None = None
        self._signs: dict[str, tuple[str, ...]] = {}
        self._roots: dict[str, str | None] = {}

    def observe(self, cell: str) -> None:
        """Count what separates the parts of a clean cell."""
        if self._given is not None:
            return
        signs = self._signs.get(cell)
        if signs is None:
            found = _SIGNS.search(cell) is not None
            signs = tuple(name for name, pattern in SEPARATORS.items() if pattern.search(cell)) if found else ()
            if len(self._signs) < _KEPT:
                self._signs[cell] = signs
        for name in signs:
            self._counts[name] += 1

    def decide(self) -> None:
        """Choose the separator. Call it after every cell was observed, before the first is read."""
        if self._given is not None or not self._counts:
            return
        order = list(SEPARATORS)
        name = max(self._counts, key=lambda name: (self._counts[name], -order.index(name)))
        self._pattern = SEPARATORS[name]
        if name not in "|;":
            # "A > B | A > C" is a list of paths, and so is "A > B; A > C".
            self._between_lists = re.compile(r"\s*[|;]\s*")

    @property
    def separator(self) -> str | None:
        """What separates the parts of a path; None if cells are names."""
        if self._given is not None:
            return self._given
        return next((name for name, pattern in SEPARATORS.items() if pattern is self._pattern), None)

    def root(self, cell: str) -> str | None:
        """The root of a clean cell: "Home & Garden / Garden & Patio / Other" gives "Home & Garden". None if missing."""
        if cell not in self._roots:
            if len(self._roots) >= _KEPT:
                self._roots.clear()
            self._roots[cell] = self._root(cell)
        return self._roots[cell]

    def _root(self, text: str) -> str | None:
        if text.startswith("[") and (listed := _LIST.fullmatch(text)):
            text = listed[2]
        if self._lists:
            text = _COMMA.split(text, maxsplit=1)[0].replace("\\,", ",")
        if self._between_lists:
            text = self._between_lists.split(text, maxsplit=1)[0]
        if self._pattern:
            text = self._pattern.split(text, maxsplit=1)[0]
        return text_or_none(" ".join(text.split())) if text.strip("/ ") else None

    def warnings(self) -> list[str]:
        """A warning if bare slashes may separate: the same words stand before several of them."""
        slashed = [cell for cell in self._signs if "/" in cell] if self._pattern is None else []
        roots = {cell.lstrip("/ ").partition("/")[0].strip() for cell in slashed}
        if len(slashed) >= 4 and len(roots) * 2 <= len(slashed):
            example = quoted(min(slashed))
            return [f"categories such as {example} were read as names; if / separates, give --category-separator /"]
        return []
