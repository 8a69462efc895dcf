"""Fingerprints in a catalog: the table `fingerprints`, with one for each row of the items, and their descriptors.

Older catalogs have none.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.likeness.descriptor import DESCRIPTOR_BYTES, VERSION, Descriptors, descriptors_of
from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES

Fingerprint = npt.NDArray[np.uint8]  # (197,); (m, 197) for m photos
Fetch = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]

# All descriptors stand together, so that they are read at once.
_DESCRIPTORS = "CREATE TABLE descriptors (version INTEGER NOT NULL, descriptors BLOB NOT NULL) STRICT"
_TABLE = "CREATE TABLE fingerprints (row INTEGER PRIMARY KEY, bits BLOB NOT NULL) STRICT"
_EXISTS = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'fingerprints'"
_DESCRIPTORS_EXIST = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'descriptors'"
_BLOCK = 8_192  # fingerprints that are in memory at a time
_ROWS_PER_STATEMENT = 10_000  # SQLite allows 32,766 parameters per statement


def write_fingerprints(connection: sqlite3.Connection, fingerprints: Iterable[Fingerprint]) -> None:
    """Write the tables.

    Args:
        fingerprints: uint8 (197,) each, in the order of the rows.
    """
    connection.execute(_TABLE)
    connection.execute(_DESCRIPTORS)
    descriptors, first = bytearray(), 0
    for block in _batched(fingerprints, _BLOCK):
        rows = ((first + number, bits.tobytes()) for number, bits in enumerate(block))
        connection.executemany("INSERT INTO fingerprints VALUES (?, ?)", rows)
        descriptors += descriptors_of(np.stack(block)).tobytes()
        first += len(block)
    connection.execute("INSERT INTO descriptors VALUES (?, ?)", (VERSION, bytes(descriptors)))


def _batched(values: Iterable[Fingerprint], size: int) -> Iterator[list[Fingerprint]]:
    """Lists of `size` values; the last may be shorter."""
    rest = iter(values)
    while block := list(islice(rest, size)):
        yield block


def read_descriptors(fetch: Fetch, count: int) -> Descriptors | None:
    """The descriptors of all rows, uint8 (count, 20). None if the catalog has none, or those of another version.

    Args:
        fetch: runs a statement with its values.
        count: number of items.

    Raises:
        ReleaseError: there are as many bytes as for another number of rows.
    """
    if not fetch(_DESCRIPTORS_EXIST, []):
        return None
    found = fetch("SELECT descriptors FROM descriptors WHERE version = ?", [VERSION])
    if not found:
        return None
    if len(found[0][0]) != count * DESCRIPTOR_BYTES:
        raise ReleaseError(f"the catalog holds {len(found[0][0])} bytes of descriptors for {count} items")
    return np.frombuffer(found[0][0], np.uint8).reshape(count, DESCRIPTOR_BYTES)


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
    if connection.execute(_DESCRIPTORS_EXIST).fetchone():
        _inspect_descriptors(connection, name, count)
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


def _inspect_descriptors(connection: sqlite3.Connection, name: str, count: int) -> None:
    """A wrong descriptor only hides a copy, so their values are not compared with the photos."""
    columns = {column: hidden for _, column, *_, hidden in connection.execute("PRAGMA table_xinfo('descriptors')")}
    if set(columns) != {"version", "descriptors"} or any(columns.values()):
        raise ReleaseError(
            f"{name} needs the stored columns version and descriptors in table 'descriptors', and no others"
        )
    sizes = (
        "SELECT count(*), sum(typeof(version) = 'integer'), sum(typeof(descriptors) = 'blob'), max(length(descriptors))"
    )
    found = connection.execute(f"{sizes} FROM descriptors").fetchone()
    if found != (1, 1, 1, count * DESCRIPTOR_BYTES):
        raise ReleaseError(
            f"{name} needs {count * DESCRIPTOR_BYTES} bytes of descriptors in one row, for {count} items"
        )
