"""The item table of a release: SQLite, written once by training, read-only in serving.

Row i of the table is row i of the index. SQLite because a catalogue of millions opens in a millisecond, reads only
the pages that an answer needs, and filters by its own indexes.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError

_SCHEMA = """
CREATE TABLE items (
    row INTEGER PRIMARY KEY,
    image_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    category TEXT NOT NULL,
    title TEXT,
    price REAL,
    location TEXT,
    photo TEXT NOT NULL
) STRICT
"""
_INDEXES = (
    "CREATE UNIQUE INDEX items_image_id ON items (image_id)",
    "CREATE INDEX items_product_id ON items (product_id)",
    "CREATE INDEX items_category_price ON items (category, price)",
    "CREATE INDEX items_price ON items (price)",
)
# SQLite takes 32,766 parameters in a statement (its documentation, "Limits").
_ROWS_PER_STATEMENT = 10_000


@dataclass(frozen=True)
class CatalogItem:
    """One photo of a listing.

    Attributes:
        price: in the listings' currency; None where the listing gave none.
        photo: store key of the photo, `datasets/<name>/<path in the data folder>`.
    """

    image_id: str
    product_id: str
    category: str
    title: str | None
    price: float | None
    location: str | None
    photo: str


@dataclass(frozen=True)
class CatalogFilter:
    """Which items may answer. Bounds are inclusive; an item without a price passes no price bound."""

    category: str | None = None
    min_price: float | None = None
    max_price: float | None = None

    @property
    def empty(self) -> bool:
        """Whether every item passes."""
        return self == CatalogFilter()


_COLUMNS = ", ".join(field.name for field in fields(CatalogItem))


def write_catalog(path: Path, items: Iterable[CatalogItem]) -> int:
    """Write the table beside `path`, then rename it into place; items become rows 0, 1, ... in order.

    Returns:
        The number of rows.

    Raises:
        ReleaseError: two items share an image id.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    connection = sqlite3.connect(partial, isolation_level=None)
    try:
        # No journal: the file is discarded whole if this process dies.
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")
        connection.execute(_SCHEMA)
        connection.executemany(
            f"INSERT INTO items (row, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 (own column names)
            ((row, *astuple(item)) for row, item in enumerate(items)),
        )
        for statement in _INDEXES:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        (count,) = connection.execute("SELECT count(*) FROM items").fetchone()
    except sqlite3.IntegrityError as exc:
        raise ReleaseError(f"the catalog cannot be written: {exc}") from exc
    finally:
        connection.close()
    partial.replace(path)
    return int(count)


class Catalog:
    """Reads a catalog. Safe to share between threads; nothing in it changes after opening."""

    def __init__(self, path: Path) -> None:
        """Open the table.

        Raises:
            ReleaseError: not a catalog.
        """
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            (self.count,) = self._connection.execute("SELECT count(*) FROM items").fetchone()
            self._connection.execute(f"SELECT row, {_COLUMNS} FROM items LIMIT 1").fetchone()  # noqa: S608
        except sqlite3.Error as exc:
            raise ReleaseError(f"{path.name} is not a catalog: {exc}") from exc
        self._lock = threading.Lock()

    def items(self, rows: Sequence[int]) -> list[CatalogItem]:
        """The items at these rows, in the order given."""
        found: dict[int, CatalogItem] = {}
        for start in range(0, len(rows), _ROWS_PER_STATEMENT):
            wanted = [int(row) for row in rows[start : start + _ROWS_PER_STATEMENT]]
            marks = ", ".join("?" * len(wanted))
            statement = f"SELECT row, {_COLUMNS} FROM items WHERE row IN ({marks})"  # noqa: S608 (marks only)
            found |= {row: CatalogItem(*values) for row, *values in self._fetch(statement, wanted)}
        return [found[int(row)] for row in rows]

    def find(self, image_id: str) -> int | None:
        """The row of an image id, or None."""
        found = self._fetch("SELECT row FROM items WHERE image_id = ?", [image_id])
        return int(found[0][0]) if found else None

    def product_rows(self, product_id: str) -> list[int]:
        """The rows of a product's photos, ascending; empty for an unknown product."""
        found = self._fetch("SELECT row FROM items WHERE product_id = ? ORDER BY row", [product_id])
        return [int(row) for (row,) in found]

    def passing(self, where: CatalogFilter) -> npt.NDArray[np.int64]:
        """The rows that pass a filter: int64 (m,), ascending."""
        clauses, values = [], []
        for clause, value in (
            ("category = ?", where.category),
            ("price >= ?", where.min_price),
            ("price <= ?", where.max_price),
        ):
            if value is not None:
                clauses.append(clause)
                values.append(value)
        condition = " AND ".join(clauses) or "1"
        found = self._fetch(f"SELECT row FROM items WHERE {condition}", values)  # noqa: S608 (fixed clauses)
        return np.sort(np.fromiter((row for (row,) in found), np.int64, len(found)))

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _fetch(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
