"""A table whose headers are unknown: which of its first lines is the header, and what to give to `--columns`."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence

_PHOTO = re.compile(r"https?://|.*\.(jpe?g|png|webp|avif|gif)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[\d.,\s€$£]*")
_LONGEST = 60  # characters of a header in the example


def likely_header(tables: Sequence[Sequence[tuple[int, Sequence[str]]]]) -> int:
    """Which delimiter divides the first lines best, as a place in `tables`.

    That is the one with which most rows have the same number of fields, of at least two; then the one with most fields.

    Args:
        tables: for each delimiter, the first rows: line and fields.
    """
    return max(range(len(tables)), key=lambda place: (*_usual(tables[place])[::-1], -place))


def body_of(table: Sequence[tuple[int, Sequence[str]]]) -> Sequence[tuple[int, Sequence[str]]]:
    """The rows from the likely header: the first one with as many fields as most rows. Titles have fewer."""
    width = _usual(table)[0]
    start = next((place for place, (_, fields) in enumerate(table) if len(fields) == width), 0)
    return table[start:]


def example(headers: Sequence[str], sample: Sequence[Sequence[str]]) -> str:
    """The option `--columns` with a likely column for id, category and image; empty if there are fewer than three.

    Args:
        headers: the names of the columns.
        sample: some rows. Names of photo files show the photos; what differs in each row is an id; the words that
            come again most, and the shorter ones, are a category.
    """
    names = [name.strip() for name in headers]
    left = [place for place, name in enumerate(names) if 0 < len(name) <= _LONGEST and '"' not in name]
    if len(left) < 3:
        return ""
    cells = {place: [row[place].strip() for row in sample if place < len(row)] for place in left}
    image = max(left, key=lambda place: (sum(bool(_PHOTO.match(cell)) for cell in cells[place]), place))
    left.remove(image)
    own = max(left, key=lambda place: (len(set(cells[place])), -place))
    left.remove(own)
    category = min(left, key=lambda place: (_is_number(cells[place]), *_size(cells[place]), place))
    found = {"id": names[own], "category": names[category], "image": names[image]}
    text = ",".join(f'{field}="{name}"' if "," in name else f"{field}={name}" for field, name in found.items())
    return f"--columns {shlex.quote(text)}"


def _usual(table: Sequence[tuple[int, Sequence[str]]]) -> tuple[int, int]:
    """The number of fields, of at least two, that most rows have, and how many rows; 0 and 0 if none has two."""
    counts = Counter(len(fields) for _, fields in table if len(fields) > 1)
    return max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))


def _is_number(cells: Sequence[str]) -> bool:
    """Whether a column holds numbers, prices or nothing."""
    return all(_NUMBER.fullmatch(cell) for cell in cells)


def _size(cells: Sequence[str]) -> tuple[int, int]:
    """How many values a column has, and their characters together."""
    return len(set(cells)), sum(map(len, set(cells)))
