"""Inspection of a catalog before it may go live. SQLite files from a drop are untrusted.

`Catalog` trusts what it reads, because it reads while clients wait. Promotion reads every row first, or a sample where
there are more than a million.
"""

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from lambda_app.errors import ReleaseError
from lambda_app.likeness.table import inspect_fingerprints
from lambda_app.release.catalog import Catalog
from lambda_app.release.filter_columns import FilterColumns
from lambda_app.release.manifest import CatalogEntry
from lambda_app.release.photo_key import PHOTOS, is_photo_key
from lambda_app.release.text.descriptions import inspect_descriptions
from lambda_app.release.text.words_inspection import inspect_words

# Title, description, location, category and ids: bytes of each.
MOST_TEXT_BYTES = 64 << 10
# Up to so many rows, every row is read; of more, blocks of rows that are spread over the whole table.
SAMPLE_ABOVE = 1_000_000
_BLOCK = 10_000
# How long SQLite may check one file, and how often it asks (in instructions of its virtual machine).
CHECK_SECONDS = 60.0
_ASK_EVERY = 100_000

_COLUMNS = ("row", "image_id", "product_id", "category", "title", "price", "location", "photo")
_TEXTS = ("image_id", "product_id", "category", "title", "location", "photo")
_OPTIONAL = ("title", "location")


def inspect_catalog(path: Path, entry: CatalogEntry, seconds: float = CHECK_SECONDS) -> None:
    """Check the tables, pages and rows of a catalog.

    Args:
        path: the SQLite file.
        entry: its manifest entry.
        seconds: how long SQLite may take for all of it.

    Raises:
        ReleaseError: the file has anything but plain tables, damaged pages, other rows than 0 to n - 1, values of a
            wrong type or length, prices that are not finite, photo keys outside of datasets/, image ids that repeat,
            filter columns that differ from the rows, or descriptions, an index of words or fingerprints that do not fit
            them; or SQLite needs more time than `seconds`.
    """
    deadline = time.monotonic() + seconds
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _ASK_EVERY)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            _check_schema(connection, path.name)
            _check_pages(connection, path.name, entry.count)
            _check_row_numbers(connection, path.name, entry.count)
            with closing(Catalog(path)) as catalog:
                _check_rows(connection, path.name, entry.count, catalog.filter_columns)
            blocks = ((start, start + _BLOCK) for start in _blocks(entry.count))
            inspect_descriptions(connection, path.name, blocks, MOST_TEXT_BYTES)
            inspect_words(connection, path.name, entry.count)
            inspect_fingerprints(connection, path.name, entry.count)
    except sqlite3.OperationalError as exc:
        if "interrupted" in str(exc):
            raise ReleaseError(f"{path.name} could not be checked within {seconds:g} s") from exc
        raise ReleaseError(f"{path.name} cannot be read as a catalog: {exc}") from exc
    except (sqlite3.Error, UnicodeDecodeError) as exc:
        raise ReleaseError(f"{path.name} cannot be read as a catalog: {exc}") from exc


def _check_schema(connection: sqlite3.Connection, name: str) -> None:
    """Plain tables with their indexes only: views, triggers, generated columns and virtual tables compute."""
    found = connection.execute("SELECT type, name, rootpage FROM sqlite_schema").fetchall()
    for kind, own, page in found:
        if kind not in ("table", "index") or not page:  # a virtual table has no page of its own
            raise ReleaseError(f"{name} holds the {kind} {_short(own)}, which computes; a catalog holds plain tables")
    if "items" not in [own for kind, own, _ in found if kind == "table"]:
        raise ReleaseError(f"{name} has no table 'items'")
    columns = {column: hidden for _, column, *_, hidden in connection.execute("PRAGMA table_xinfo('items')")}
    if missing := [column for column in _COLUMNS if column not in columns]:
        raise ReleaseError(f"{name} has no column {missing[0]!r} in table 'items'")
    other = connection.execute("PRAGMA table_xinfo('columns')")
    if computed := [column for column, hidden in columns.items() if hidden] + [row[1] for row in other if row[6]]:
        raise ReleaseError(f"{name} computes column {computed[0]!r}; a catalog stores every value")
    if not _indexed(connection, "image_id", unique=True) or not _indexed(connection, "product_id", unique=False):
        raise ReleaseError(f"{name} needs a unique index of image_id and an index of product_id")


def _indexed(connection: sqlite3.Connection, column: str, *, unique: bool) -> bool:
    for _, index, is_unique, _, partial in connection.execute("PRAGMA index_list('items')").fetchall():
        keys = connection.execute("SELECT name FROM pragma_index_info(?)", [index]).fetchall()
        if keys == [(column,)] and not partial and (is_unique or not unique):
            return True
    return False


def _check_pages(connection: sqlite3.Connection, name: str, count: int) -> None:
    """SQLite's own check; above `SAMPLE_ABOVE` rows the quick one, which does not compare indexes with rows."""
    check = "integrity_check" if count <= SAMPLE_ABOVE else "quick_check"
    (found,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    if found != "ok":
        raise ReleaseError(f"{name} is damaged: {' '.join(str(found).split())[:200]}")


def _check_row_numbers(connection: sqlite3.Connection, name: str, count: int) -> None:
    statement = "SELECT count(*), min(row), max(row), sum(typeof(row) <> 'integer') FROM items"
    found, first, last, other = connection.execute(statement).fetchone()
    if (found, first, last, other) != (count, 0, count - 1, 0):
        raise ReleaseError(
            f"{name} holds {found} rows from {first} to {last}; the manifest says {count}, numbered from 0"
        )


def _check_rows(connection: sqlite3.Connection, name: str, count: int, columns: FilterColumns) -> None:
    for start in _blocks(count):
        _check_sizes(connection, name, start)
        for values in connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM items WHERE row >= ? AND row < ? ORDER BY row",  # noqa: S608
            [start, start + _BLOCK],
        ):
            row = dict(zip(_COLUMNS, values, strict=True))
            _check_values(row, name)
            _check_columns(row, name, columns)


def _blocks(count: int) -> Iterator[int]:
    """The first rows of the blocks that are read: all, or so many that they hold `SAMPLE_ABOVE` rows together."""
    starts = range(0, count, _BLOCK)
    step = max(1, math.ceil(len(starts) * _BLOCK / (SAMPLE_ABOVE + _BLOCK)))
    yield from starts[::step]


def _check_sizes(connection: sqlite3.Connection, name: str, start: int) -> None:
    """Sizes before values: a title of 200 MB is measured by SQLite and never becomes a Python string."""
    longest = ", ".join(f"max(length(CAST({column} AS BLOB)))" for column in _TEXTS)
    found = connection.execute(
        f"SELECT {longest} FROM items WHERE row >= ? AND row < ?",  # noqa: S608 (own column names)
        [start, start + _BLOCK],
    ).fetchone()
    for column, size in zip(_TEXTS, found, strict=True):
        if size is not None and size > MOST_TEXT_BYTES:
            raise ReleaseError(f"{name} holds a {column} of {size:,} bytes; the limit is {MOST_TEXT_BYTES:,}")


def _check_values(row: dict[str, Any], name: str) -> None:
    for column in _TEXTS:
        value = row[column]
        if not (isinstance(value, str) or (value is None and column in _OPTIONAL)):
            raise ReleaseError(f"{name} row {row['row']}: {column} is {_short(value)}, not a text")
    price = row["price"]
    if price is not None and (not isinstance(price, int | float) or not math.isfinite(price)):
        raise ReleaseError(f"{name} row {row['row']}: price is {_short(price)}, not a finite number")
    if not is_photo_key(row["photo"]):
        raise ReleaseError(
            f"{name} row {row['row']}: photo is {_short(row['photo'])}; a photo has a key {PHOTOS}<name>/<path>"
        )


def _check_columns(row: dict[str, Any], name: str, columns: FilterColumns) -> None:
    number, code = row["row"], int(columns.categories[row["row"]])
    category = columns.names[code] if code < len(columns.names) else None
    price = float(columns.prices[number])
    if category != row["category"] or not (price == row["price"] or (row["price"] is None and math.isnan(price))):
        raise ReleaseError(
            f"{name} row {number}: the filter columns say category {_short(category)} and price {price}; "
            f"the row says {_short(row['category'])} and {row['price']}"
        )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
