"""Descriptions in a catalog: the table `descriptions`. Older catalogs have none.

A description belongs to a listing, and a row of the items is one of its photos. So each text is stored once, and the
column `description` of the items has its number; null for an item without one.
"""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b

from lambda_app.errors import ReleaseError

# What a statement needs for the text of an item's description.
TEXT, ITEMS_WITH_TEXT = "descriptions.text", "items LEFT JOIN descriptions ON descriptions.number = items.description"
EXISTS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'descriptions'"

_TABLE = "CREATE TABLE descriptions (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"
_NAMED = "SELECT sql FROM sqlite_schema WHERE name = 'descriptions'"
# Photos of a listing mostly follow each other. Beyond so many texts, one that comes again is stored again.
_MOST_REMEMBERED = 100_000


class DescriptionsWriter:
    """Writes the texts of a catalog, each once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Create the table."""
        connection.execute(_TABLE)
        self._connection = connection
        self._numbers: dict[bytes, int] = {}
        self._count = 0

    def number_of(self, text: str | None) -> int | None:
        """The number under which a text is stored; None for no text. A new one is written."""
        if text is None:
            return None
        key = blake2b(text.encode(), digest_size=16).digest()
        number = self._numbers.get(key)
        if number is None:
            if len(self._numbers) >= _MOST_REMEMBERED:
                self._numbers.clear()
            number = self._numbers[key] = self._count
            self._connection.execute("INSERT INTO descriptions VALUES (?, ?)", (number, text))
            self._count += 1
        return number


def inspect_descriptions(
    connection: sqlite3.Connection, name: str, blocks: Iterable[tuple[int, int]], most_bytes: int
) -> None:
    """Check the descriptions of a catalog from a drop, if it has any.

    Args:
        connection: to the catalog, whose pages are sound and whose items are rows 0 to n - 1.
        name: of the file, for messages.
        blocks: the rows to read, as (first, behind the last).
        most_bytes: of a description.

    Raises:
        ReleaseError: the table differs from what this code writes, the items lack its column, a number of an item is no
            number of a description, or a description is too long.
    """
    columns = [column for _, column, *_ in connection.execute("PRAGMA table_info('items')")]
    found = connection.execute(_NAMED).fetchall()
    if not found and "description" not in columns:
        return  # a release of an older version
    if found != [(_TABLE,)]:
        raise ReleaseError(f"{name} has another table 'descriptions' than this version writes")
    if "description" not in columns:
        raise ReleaseError(f"{name} has no column 'description' in table 'items'")
    for first, end in blocks:
        _check_block(connection, name, first, end, most_bytes)


def _check_block(connection: sqlite3.Connection, name: str, first: int, end: int, most_bytes: int) -> None:
    """Sizes before values: SQLite measures a text of 200 MB without giving it to Python."""
    number = "items.description"
    unknown = f"sum({number} IS NOT NULL AND (typeof({number}) <> 'integer' OR {TEXT} IS NULL))"
    rows = f"FROM {ITEMS_WITH_TEXT} WHERE items.row >= ? AND items.row < ?"
    statement = f"SELECT max(length(CAST({TEXT} AS BLOB))), {unknown} {rows}"
    longest, missing = connection.execute(statement, [first, end]).fetchone()
    if missing:
        raise ReleaseError(f"{name} has no description for {missing} of rows {first} to {end - 1} that name one")
    if longest is not None and longest > most_bytes:
        raise ReleaseError(f"{name} holds a description of {longest:,} bytes; the limit is {most_bytes:,}")
    for _ in connection.execute(f"SELECT {TEXT} {rows}", [first, end]):
        pass  # a text that is not UTF-8 raises
