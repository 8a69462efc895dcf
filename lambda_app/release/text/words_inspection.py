"""Inspection of a catalog's index of words before it may go live: every word, and the rows that it names.

It does not compare words with titles. How text is split depends on the version of Unicode, so an honest index may
differ a little from one that is made here. A word that names other rows gives wrong results, as a wrong title does.
"""

import sqlite3
from typing import Any

import numpy as np

from lambda_app.errors import ReleaseError
from lambda_app.release.text.tokens import MOST_CHARACTERS
from lambda_app.release.text.words import TABLES, VERSION, Postings

_MOST_BYTES = 4 * MOST_CHARACTERS  # of a word in UTF-8


def inspect_words(connection: sqlite3.Connection, name: str, count: int) -> None:
    """Check the tables of words, if the catalog has any.

    Args:
        connection: to the catalog, whose pages are sound.
        name: of the file, for messages.
        count: rows of the catalog.

    Raises:
        ReleaseError: a table differs from what this code writes, or what it holds does not fit itself or the catalog.
    """
    statement = "SELECT name, sql FROM sqlite_schema WHERE name IN ('words', 'word_lengths')"
    found = dict(connection.execute(statement).fetchall())
    if not found:
        return  # a release of an older version
    for table, sql in TABLES.items():
        if found.get(table) != sql:
            raise ReleaseError(f"{name} has another table {table!r} than an index of words has")
    stored = connection.execute("SELECT version, length(lengths) FROM word_lengths").fetchall()
    if len(stored) != 1:
        raise ReleaseError(f"{name} has {len(stored)} rows in table 'word_lengths'; it takes 1")
    version, size = stored[0]
    if version != VERSION:
        return  # `WordIndex.of` does not read it either
    if size != 2 * count:
        raise ReleaseError(f"{name} has {size} bytes of word lengths; {count} items have {2 * count}")
    _check_sizes(connection, name, count)
    for row in connection.execute("SELECT word, count, gaps, frequencies FROM words"):
        _check_word(row, name, count)


def _check_sizes(connection: sqlite3.Connection, name: str, count: int) -> None:
    """Sizes before values: SQLite measures a value of 200 MB without reading it."""
    columns = {"word": _MOST_BYTES, "gaps": 4 * count, "frequencies": count}
    longest = ", ".join(f"max(length(CAST({column} AS BLOB)))" for column in columns)
    found = connection.execute(f"SELECT {longest} FROM words").fetchone()  # noqa: S608 (own column names)
    for (column, most), size in zip(columns.items(), found, strict=True):
        if size is not None and size > most:
            raise ReleaseError(f"{name} holds {column} of {size:,} bytes in table 'words'; the limit is {most:,}")


def _check_word(row: tuple[Any, ...], name: str, total: int) -> None:
    word, count, gaps, frequencies = row
    try:
        postings = Postings.from_bytes(count, gaps, frequencies, total)
    except ReleaseError as exc:
        raise ReleaseError(f"{name}, word {str(word)[:80]!r}: {exc}") from exc
    if not (np.diff(postings.rows) > 0).all() or not postings.frequencies.all():
        raise ReleaseError(f"{name}, word {str(word)[:80]!r}: its rows must ascend, and have it at least once")
