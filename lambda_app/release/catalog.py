"""The item table of a release: SQLite, written once by training, read-only in serving.

Row i of the table is row i of the index. SQLite opens a catalog of millions of rows in a millisecond, and reads only
the pages that a query needs. A filter reads every row. For this, the filtered columns are stored a second time in the
file, each as one array.
"""

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from lambda_app.errors import NotSupportedError, ReleaseError
from lambda_app.likeness.descriptor import MOST_DESCRIPTORS, Descriptors, DescriptorTable
from lambda_app.likeness.table import Fingerprint, read_descriptors, read_fingerprints, write_fingerprints
from lambda_app.release.catalog_tables import INDEXES, IS_TABLE, ROWS_PER_STATEMENT, SCHEMA
from lambda_app.release.filter_cache import FilterCache
from lambda_app.release.filter_columns import ColumnsBuilder, FilterColumns, read_columns
from lambda_app.release.row_set import RowSet
from lambda_app.release.text.descriptions import EXISTS, ITEMS_WITH_TEXT, TEXT, DescriptionsWriter
from lambda_app.release.text.tokens import query_words
from lambda_app.release.text.words import Fetch, WordIndex, WordMatches, WordsBuilder


@dataclass(frozen=True)
class CatalogItem:
    """One photo of a listing.

    Attributes:
        price: in the currency of the manifest; None if the listing has no price.
        photo: store key of the photo, `datasets/<name>/<path in the data folder>`.
        description: plain text of the listing; None if it has none, or was not asked for.
    """

    image_id: str
    product_id: str
    category: str
    title: str | None
    price: float | None
    location: str | None
    photo: str
    description: str | None = None


@dataclass(frozen=True)
class CatalogFilter:
    """A filter on items. Price bounds are inclusive. An item without a price never passes a price bound."""

    category: str | None = None
    min_price: float | None = None
    max_price: float | None = None

    @property
    def empty(self) -> bool:
        """Whether the filter is empty, so that every item passes."""
        return self == CatalogFilter()


_COLUMNS = ", ".join(field.name for field in fields(CatalogItem) if field.name != "description")


def write_catalog(path: Path, items: Iterable[CatalogItem], fingerprints: Iterable[Fingerprint] | None = None) -> int:
    """Write the catalog atomically: to a temporary file in the same folder, which is then renamed to `path`.

    Items become rows 0, 1, ... in the order given. `fingerprints`, uint8 (197,) each, have the same order. Returns the
    number of rows.

    Raises:
        ReleaseError: two items have the same image id.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    columns, words = ColumnsBuilder(), WordsBuilder()
    connection = sqlite3.connect(partial, isolation_level=None)
    try:
        # No journal is needed: if this process dies, the temporary file is useless anyway.
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")
        connection.execute(SCHEMA)
        connection.executemany(
            f"INSERT INTO items (row, {_COLUMNS}, description) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            _rows(_added(items, columns, words), DescriptionsWriter(connection)),
        )
        for statement in INDEXES:
            connection.execute(statement)
        columns.write(connection)
        words.write(connection)
        if fingerprints is not None:
            write_fingerprints(connection, fingerprints)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        (count,) = connection.execute("SELECT count(*) FROM items").fetchone()
    except sqlite3.IntegrityError as exc:
        raise ReleaseError(f"the catalog cannot be written: {exc}") from exc
    finally:
        connection.close()
    partial.replace(path)
    return int(count)


def _added(items: Iterable[CatalogItem], columns: ColumnsBuilder, words: WordsBuilder) -> Iterator[CatalogItem]:
    """Pass the items through, and add each to the columns and to the words."""
    for item in items:
        columns.add(item.category, item.price)
        words.add(item.title, item.category, item.description)
        yield item


def _rows(items: Iterable[CatalogItem], descriptions: DescriptionsWriter) -> Iterator[tuple[object, ...]]:
    """The rows of the table, with the numbers of their descriptions."""
    for row, item in enumerate(items):
        *values, text = astuple(item)
        yield row, *values, descriptions.number_of(text)


class Catalog:
    """Reads a catalog. Immutable and thread-safe."""

    def __init__(self, path: Path) -> None:
        """Open the catalog.

        Raises:
            ReleaseError: the file is not a catalog.
        """
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            # A schema from a drop must not run code: no functions with side effects, and rows that are stored.
            connection.execute("PRAGMA trusted_schema = OFF")
            if not connection.execute(IS_TABLE).fetchone():
                raise ReleaseError(f"{path.name} is not a catalog: it has no plain table 'items'")
            # Rows are 0, 1, ..., so the last one gives the count. `count(*)` would read megabytes.
            (self.count,) = connection.execute("SELECT coalesce(max(row) + 1, 0) FROM items").fetchone()
            connection.execute(f"SELECT row, {_COLUMNS} FROM items LIMIT 1").fetchone()  # noqa: S608
            self._has_descriptions = connection.execute(EXISTS).fetchone() is not None
        except sqlite3.Error as exc:
            raise ReleaseError(f"{path.name} is not a catalog: {exc}") from exc
        # Not a method: what reads by it, such as the index of words, must not keep this catalog open.
        self._connection = connection
        self._fetch: Fetch = partial(_fetched, connection, threading.Lock())
        self._cache: FilterCache[CatalogFilter, RowSet] = FilterCache()
        # Close the file when the last release that uses it is gone, in whichever thread its last request ends.
        self._finalizer = weakref.finalize(self, connection.close)

    def items(self, rows: Sequence[int], *, described: bool = True) -> list[CatalogItem]:
        """The items at these rows, in the order given.

        Args:
            described: whether with their descriptions. Searches do without, so that they read few pages.
        """
        found: dict[int, CatalogItem] = {}
        columns, tables = _COLUMNS, "items"
        if described and self._has_descriptions:
            columns, tables = f"{_COLUMNS}, {TEXT}", ITEMS_WITH_TEXT
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            wanted = [int(row) for row in rows[start : start + ROWS_PER_STATEMENT]]
            marks = ", ".join("?" * len(wanted))
            statement = f"SELECT row, {columns} FROM {tables} WHERE row IN ({marks})"  # noqa: S608 (marks only)
            found |= {row: CatalogItem(*values) for row, *values in self._fetch(statement, wanted)}
        return [found[int(row)] for row in rows]

    def find(self, image_id: str) -> int | None:
        """The row of an image id; None if there is no such id."""
        found = self._fetch("SELECT row FROM items WHERE image_id = ?", [image_id])
        return int(found[0][0]) if found else None

    def product_rows(self, product_id: str) -> list[int]:
        """The rows of a product's photos, ascending; empty if there is no such product."""
        found = self._fetch("SELECT row FROM items WHERE product_id = ? ORDER BY row", [product_id])
        return [int(row) for (row,) in found]

    def rows_of(self, image_ids: Sequence[str], product_ids: Sequence[str]) -> list[int]:
        """The rows of these image ids and of these products' photos. Unknown ids are left out."""
        rows: list[int] = []
        for column, ids in (("image_id", image_ids), ("product_id", product_ids)):
            for start in range(0, len(ids), ROWS_PER_STATEMENT):
                wanted = ids[start : start + ROWS_PER_STATEMENT]
                marks = ", ".join("?" * len(wanted))
                statement = f"SELECT row FROM items WHERE {column} IN ({marks})"  # noqa: S608 (marks only)
                rows += [int(row) for (row,) in self._fetch(statement, wanted)]
        return rows

    def fingerprints(self, rows: Sequence[int]) -> Fingerprint | None:
        """The fingerprints of these rows, uint8 (m, 197), as `read_fingerprints`; None for older catalogs."""
        return read_fingerprints(self._fetch, rows)

    @cached_property
    def descriptors(self) -> DescriptorTable | None:
        """The descriptors of all photos, to be searched; None for older catalogs and those with too many photos."""
        found = read_descriptors(self._fetch, self.count) if self.count <= MOST_DESCRIPTORS else None
        return None if found is None else DescriptorTable(found)

    def nearest_photos(self, asked: Descriptors, most: int, least: float) -> list[int]:
        """The rows whose descriptors are nearest, as `DescriptorTable.nearest_photos`; none without descriptors."""
        return [] if self.descriptors is None else self.descriptors.nearest_photos(asked, most, least).rows.tolist()

    def passing(self, where: CatalogFilter) -> RowSet:
        """The rows that pass a filter. The results of the latest filters are cached.

        Raises:
            ReleaseError: the catalog's columns are damaged or have another length than its table.
        """
        return self._cache.get(
            where, lambda: self.filter_columns.passing(where.category, where.min_price, where.max_price)
        )

    @cached_property
    def filter_columns(self) -> FilterColumns:
        """What filters read, loaded when first used; raises as `read_columns`."""
        return read_columns(self._fetch, self.count)

    def words(self, text: str, allowed: RowSet | None = None) -> WordMatches:
        """The rows whose title, category and description have the words of a text: all, else the most that any row has.

        Raises as `require_words`.

        Args:
            text: what a person typed. No part of it is an operator.
            allowed: the rows that may be found; None: all.
        """
        return self.require_words().search(query_words(text), None if allowed is None else allowed.mask(self.count))

    def require_words(self) -> WordIndex:
        """What a search by words needs.

        Raises:
            NotSupportedError: the catalog has no index of words; see `word_index`.
            ReleaseError: it is damaged.
        """
        if self.word_index is None:
            raise NotSupportedError("this release was made without an index of words; a new release has one")
        return self.word_index

    @cached_property
    def word_index(self) -> WordIndex | None:
        """What a search by words reads, loaded when first used; None for catalogs of older releases.

        Raises:
            ReleaseError: it does not fit the items.
        """
        return WordIndex.of(self._fetch, self.count)

    def close(self) -> None:
        """Close the file now. Otherwise it is closed when this object is garbage-collected."""
        self._finalizer()


def _fetched(
    connection: sqlite3.Connection, lock: threading.Lock, statement: str, values: Sequence[object]
) -> list[tuple[Any, ...]]:
    with lock:
        return connection.execute(statement, values).fetchall()
