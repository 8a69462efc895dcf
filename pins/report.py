"""Compares every pin with its registry, and prints what a person should look at."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby

from pins import pinned
from pins.known import END_OF_LIFE, KNOWN_BAD
from pins.pinned import Pin
from pins.registries import (
    Addresses,
    Published,
    RegistryError,
    UnreachableError,
    github_tags,
    image_tags,
    npm_versions,
    pypi_versions,
)
from pins.versions import STEPS, newest, parsed, step

CURRENT, WITHDRAWN, ENDED, UNCHECKED = "current", "withdrawn", "end of life", "not checked"
# From what is urgent to what is not.
STATES = (WITHDRAWN, ENDED, *reversed(STEPS), UNCHECKED, CURRENT)
_MOVING = (pinned.GITHUB, pinned.IMAGE)
_REQUESTS_AT_ONCE = 4


@dataclass(frozen=True)
class Row:
    """What became of one pin.

    Attributes:
        newest: the newest version; None if it is not known.
        state: one of `STATES`.
        note: why it is in this state, or what else is to know; may be empty.
    """

    kind: str
    name: str
    pinned: str
    newest: str | None
    state: str
    note: str
    place: str


def compare(pins: Sequence[Pin], addresses: Addresses, today: date) -> list[Row]:
    """Ask the registries about all pins. A registry that does not answer gives rows that say so."""
    asking = {
        pinned.PYPI: _once_down(lambda name: pypi_versions(addresses.pypi, name)),
        pinned.NPM: _once_down(lambda name: npm_versions(addresses.npm, name)),
        pinned.GITHUB: _once_down(lambda name: github_tags(addresses, name)),
        pinned.IMAGE: lambda name: image_tags(addresses, name),
    }
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        rows = list(pool.map(lambda pin: _row(pin, asking, today), pins))
    return sorted(
        rows, key=lambda row: (STATES.index(row.state), row.kind, row.note if row.state == UNCHECKED else "", row.name)
    )


def _once_down(ask: Callable[[str], Published]) -> Callable[[str], Published]:
    """Ask a registry until it does not answer at all; after that, no more."""
    down: list[UnreachableError] = []

    def asked(name: str) -> Published:
        if down:
            raise down[0]
        try:
            return ask(name)
        except UnreachableError as exc:
            down.append(exc)
            raise

    return asked


def failing(rows: Iterable[Row], states: Iterable[str]) -> list[Row]:
    """The rows in one of these states, or with a larger step than one of them."""
    chosen = set(states)
    for size in STEPS:
        if size in chosen:
            chosen |= set(STEPS[STEPS.index(size) :])
    return [row for row in rows if row.state in chosen]


def as_table(rows: Sequence[Row], *, everything: bool) -> str:
    """The rows as text. Without `everything`, those that are current are only counted."""
    cells = [_HEAD, *map(_cells, _shown(rows, everything=everything))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([*(lines if len(lines) > 1 else []), _counted(rows)])


def as_markdown(rows: Sequence[Row]) -> str:
    """The rows that are not current as a table for GitHub."""
    shown = [_HEAD, tuple("---" for _ in _HEAD), *map(_cells, _shown(rows))]
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in shown]
    return "\n".join([_counted(rows), "", *lines])


def as_json(rows: Sequence[Row]) -> str:
    """All rows as a JSON list."""
    return json.dumps([asdict(row) for row in rows], indent=1)


_HEAD = ("state", "kind", "name", "pinned", "newest", "pinned in", "note")


def _shown(rows: Iterable[Row], *, everything: bool = False) -> Iterator[Row]:
    """The rows to look at. Those of a registry that did not answer become one."""
    for (state, kind, note), group in groupby(rows, key=lambda row: (row.state, row.kind, row.note)):
        alike = list(group)
        if state == UNCHECKED and len(alike) > 1:
            name = f"{alike[0].name} and {len(alike) - 1} more"
            yield Row(kind, name, "", None, state, note, "")
        else:
            yield from (row for row in alike if everything or state != CURRENT or note)


def _cells(row: Row) -> tuple[str, ...]:
    return (row.state, row.kind, row.name, row.pinned, row.newest or "?", row.place, row.note)


def _counted(rows: Sequence[Row]) -> str:
    counts = Counter(row.state for row in rows)
    return f"{len(rows)} pins: " + ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])


def _row(pin: Pin, asking: Mapping[str, Callable[[str], Published]], today: date) -> Row:
    if pin.kind in (pinned.PYTHON, pinned.NODE):
        return _ending(pin, today)
    if pin.kind not in asking:
        return _state(pin, None, UNCHECKED, "AWS lists the tags of this image only to who has signed in to AWS")
    try:
        published = asking[pin.kind](pin.name)
    except RegistryError as exc:
        return _state(pin, None, UNCHECKED, f"{pin.kind}: {exc}")
    except (KeyError, TypeError, AttributeError) as exc:
        return _state(pin, None, UNCHECKED, f"{pin.kind}: its answer is not understood: {exc!r}")
    bad = {
        version: reason for (kind, name, version), reason in KNOWN_BAD.items() if (kind, name) == (pin.kind, pin.name)
    }
    moving = pin.kind in _MOVING
    usable = [version for version, reason in published.items() if reason is None and version not in bad]
    best = newest(pin.version, usable, moving=moving)
    own = next((text for text in published if text == pin.version or parsed(text) == parsed(pin.version)), None)
    reason = bad.get(pin.version) or (published[own] if own is not None else None)
    if reason:
        return _state(pin, best, WITHDRAWN, reason)
    if best is None:
        return _state(pin, None, UNCHECKED, f"{pin.kind} has no version that can be compared")
    size = step(pin.version, best, moving=moving)
    passed_over = [f"not {version}: {why}" for version, why in bad.items() if version in published]
    return _state(pin, best, size or CURRENT, "; ".join(passed_over))


def _ending(pin: Pin, today: date) -> Row:
    end = END_OF_LIFE.get((pin.kind, pin.version))
    if end is None:
        return _state(pin, None, UNCHECKED, "its end of life is not in pins/known.py")
    return _state(pin, None, ENDED if end < today else CURRENT, f"security fixes until {end.isoformat()}")


def _state(pin: Pin, best: str | None, state: str, note: str) -> Row:
    return Row(pin.kind, pin.name, pin.version, best, state, " ".join(note.split()), pin.place)
