"""Fingerprints in a catalog: the table `fingerprints`, with one for each row of the items. Older catalogs have none."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES

Fingerprint = npt.NDArray[np.uint8]  # (197,); (m, 197) for m photos
Fetch = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]

_TABLE = "CREATE TABLE fingerprints (row INTEGER PRIMARY KEY, bits BLOB NOT NULL) STRICT"
_EXISTS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'fingerprints'"
_ROWS_PER_STATEMENT = 10_000  # SQLite allows 32,766 parameters per statement


def write_fingerprints(connection: sqlite3.Connection, fingerprints: Iterable[Fingerprint]) -> None:
    """Write the table.

    Args:
        fingerprints: uint8 (197,) each, in the order of the rows.
    """
    connection.execute(_TABLE)
    rows = ((row, bits.tobytes()) for row, bits in enumerate(fingerprints))
    connection.executemany("INSERT INTO fingerprints VALUES (?, ?)", rows)


def read_fingerprints(fetch: Fetch, rows: Sequence[int]) -> Fingerprint | None:
    """The fingerprints of these rows, in the order given: uint8 (m, 197). None if the catalog has none.

    Args:
        fetch: runs a statement with its values.

    Raises:
        ReleaseError: a row has no fingerprint, or one of another length.
    """
    if not fetch(_EXISTS, []):
        return None
    found: dict[int, bytes] = {}
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        wanted = [int(row) for row in rows[start : start + _ROWS_PER_STATEMENT]]
        marks = ", ".join("?" * len(wanted))
        found |= dict(fetch(f"SELECT row, bits FROM fingerprints WHERE row IN ({marks})", wanted))  # noqa: S608
    for row in rows:
        if len(found.get(int(row), b"")) != FINGERPRINT_BYTES:
            raise ReleaseError(f"row {row} of the catalog has no fingerprint of {FINGERPRINT_BYTES} bytes")
    together = b"".join(found[int(row)] for row in rows)
    return np.frombuffer(together, np.uint8).reshape(-1, FINGERPRINT_BYTES)


def inspect_fingerprints(connection: sqlite3.Connection, name: str, count: int) -> None:
    """Check the table of a catalog from a drop, if it has one.

    Args:
        name: of the catalog's file, for messages.
        count: number of items.

    Raises:
        ReleaseError: columns that compute or are missing, other rows than 0 to count - 1, or a fingerprint of another
            type or length.
    """
    if not connection.execute(_EXISTS).fetchone():
        return
    columns = {column: hidden for _, column, *_, hidden in connection.execute("PRAGMA table_xinfo('fingerprints')")}
    if set(columns) != {"row", "bits"} or any(columns.values()):
        raise ReleaseError(f"{name} needs the stored columns row and bits in table 'fingerprints', and no others")
    checks = f"sum(typeof(row) <> 'integer' OR typeof(bits) <> 'blob' OR length(bits) <> {FINGERPRINT_BYTES})"
    statement = f"SELECT count(*), min(row), max(row), {checks} FROM fingerprints"  # noqa: S608 (own number)
    found, first, last, other = connection.execute(statement).fetchone()
    if (found, first, last) != (count, 0, count - 1):
        raise ReleaseError(f"{name} holds {found} fingerprints, of rows {first} to {last}, for {count} items")
    if other:
        raise ReleaseError(f"{name} holds {other} fingerprints of another length than {FINGERPRINT_BYTES} bytes")
