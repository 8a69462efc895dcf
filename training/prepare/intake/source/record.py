"""A record of a table file, and what every kind of table file offers."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One record of a table.

    Attributes:
        number: its number; the first after the header is 1.
        line: the line of the file on which it begins, from 1; None if unknown.
        values: a text for each column of the table; "" for cells that the record lacks.
        digest: 16-byte hash of all cells except those in columns without a name (an export's row numbers).
        problem: why the record cannot be read, such as "too_many_fields"; None if it can.
        detail: the problem in words.
    """

    number: int
    line: int | None
    values: list[str]
    digest: bytes
    problem: str | None = None
    detail: str = ""


@dataclass
class Skipped:
    """Records that are no rows. `headers`: equal to the header; `blank`: without any text."""

    headers: int = 0
    blank: int = 0


class Table(Protocol):
    """A table file, open for reading.

    Attributes:
        path: the file.
        columns: the names of its columns as the file has them.
        skipped: what was left out in the last pass; complete after it.
        warnings: problems that a person should check; complete after a pass over all records.
    """

    path: Path
    columns: list[str]
    skipped: Skipped
    warnings: list[str]

    @property
    def encoding(self) -> str:
        """Text encoding; complete after a pass over all records."""

    @property
    def form(self) -> str:
        """What was found out about the file, in words: delimiter, line of the header."""

    def records(self, needed: Collection[int] = (), key: int = 0) -> Iterator[Record]:
        """One pass over the records.

        Args:
            needed: places of the columns that a record must reach; a shorter one has the problem "too_few_fields".
            key: place of the id column.
        """


def digest_of(cells: list[str]) -> bytes:
    """16-byte hash of the cells of a record."""
    # A cell of an odd encoding may hold half a character, which UTF-8 cannot hold.
    return hashlib.blake2b("\x1f".join(cells).encode("utf-8", "backslashreplace"), digest_size=16).digest()
