"""The working tables of one `prepare` run: rows that were read, and rows that were rejected with their reasons.

They are SQLite tables instead of dicts, so memory use does not grow with the number of rows and photos.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from training.prepare.intake.fields.words import quoted
from training.prepare.intake.photo_names import PhotoNames

Kind = Literal["products", "images"]

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE products (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest BLOB, category TEXT NOT NULL,
    title TEXT, price REAL, location TEXT, description TEXT, split TEXT
);
CREATE TABLE images (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest BLOB, product INTEGER NOT NULL, photo TEXT NOT NULL,
    source TEXT NOT NULL, record INTEGER, given_split TEXT, line INTEGER, named_id INTEGER NOT NULL
);
CREATE INDEX images_by_product ON images (product);
CREATE TABLE listed (
    number INTEGER PRIMARY KEY, line INTEGER, digest BLOB NOT NULL, id TEXT, category TEXT, title TEXT, price TEXT,
    location TEXT, image_id TEXT, description TEXT, cut INTEGER NOT NULL, photos TEXT,
    other_currency TEXT
);
CREATE TABLE fetched (url TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cached (row INTEGER PRIMARY KEY, image INTEGER NOT NULL UNIQUE, content BLOB NOT NULL);
CREATE TABLE rejected (
    kind TEXT NOT NULL, source TEXT NOT NULL, record INTEGER, id TEXT, reason TEXT NOT NULL, detail TEXT NOT NULL,
    line INTEGER
);
CREATE INDEX rejected_by_id ON rejected (kind, id);
"""


@dataclass(frozen=True)
class ProductRow:
    """A product row. Equal digests mean exact duplicates; None if duplicates are impossible."""

    id: str
    category: str
    title: str | None = None
    price: float | None = None
    location: str | None = None
    digest: bytes | None = None
    description: str | None = None


@dataclass(frozen=True)
class ImageRow:
    """An image row.

    Attributes:
        product: number of its product, as returned by `Intake.add_product`.
        photo: path relative to the data folder.
        source: the input file of this row, for `rejected.csv`; record: number of the row in that file.
        given_split: the split of its folder, if the input has split folders.
        line: the line on which the row begins in its file, if known.
        named_id: whether a table names the id; else it is the base name of the file.
    """

    id: str
    product: int
    photo: str
    source: str
    record: int | None = None
    given_split: str | None = None
    digest: bytes | None = None
    line: int | None = None
    named_id: bool = False


@cache
def _insert(table: Kind, names: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"  # noqa: S608


@dataclass(frozen=True)
class Unread:
    """Cells of a column that could not be read: how many, and where and what the first one is."""

    count: int
    first: str


class Intake:
    """The working tables, and the counts of input rows, which must equal kept plus rejected rows.

    Attributes:
        photos: the photo files, by name.
        extra_files: number of files that are no photos and no tables; extra_file: the first of them.
        cut_descriptions: number of kept products whose description was cut.
        currency: the currency of all prices as an ISO 4217 code, if the input says it.
    """

    def __init__(self, path: Path) -> None:
        """Create the tables in a new file at `path`."""
        self.db = sqlite3.connect(path)
        self.db.executescript(_TABLES)
        self.photos = PhotoNames(self.db)
        self.rows_in: dict[str, int] = {"products": 0, "images": 0}
        self.encoding: dict[str, str] = {}
        self.currency: str | None = None
        # What was understood of the tables, line by line, for people.
        self.understood: list[str] = []
        # Records that are no rows, by table and kind; cells that could not be read, by column.
        self.skipped: dict[str, dict[str, int]] = {}
        self.unread: dict[str, Unread] = {}
        self.warnings: list[str] = []
        self.cut_descriptions = 0
        self.extra_files = 0
        self.extra_file = ""

    def close(self) -> None:
        self.db.close()

    def add_product(self, product: ProductRow) -> int | str:
        """Insert a product. Returns its number, or the reason for rejection if the id exists already."""
        return self._add("products", product.id, product.digest, vars(product))

    def add_image(self, image: ImageRow) -> int | str:
        """Insert an image. Returns its number, or the reason for rejection if the id exists already."""
        values = vars(image)
        return self._add("images", image.id, image.digest, values)

    def _add(self, table: Kind, key: str, digest: bytes | None, values: dict[str, object]) -> int | str:
        cursor = self.db.execute(_insert(table, tuple(values)), tuple(values.values()))
        if cursor.rowcount == 1 and cursor.lastrowid is not None:
            return cursor.lastrowid
        (kept,) = self.db.execute(f"SELECT digest FROM {table} WHERE id = ?", (key,)).fetchone()  # noqa: S608
        return "duplicate_row" if kept == digest else "duplicate_id"

    def product_number(self, product_id: str) -> int | None:
        row = self.db.execute("SELECT number FROM products WHERE id = ?", (product_id,)).fetchone()
        return None if row is None else int(row[0])

    def title_of_product(self, product_id: str) -> tuple[str | None] | None:
        """The title of a kept product, which may be None; None instead of the tuple if there is no such product."""
        row = self.db.execute("SELECT title FROM products WHERE id = ?", (product_id,)).fetchone()
        return None if row is None else (row[0],)

    def describe_product(self, product_id: str, description: str) -> bool:
        """Give a kept product a description if it has none. Returns whether it had none."""
        sql = "UPDATE products SET description = ? WHERE id = ? AND description IS NULL"
        return self.db.execute(sql, (description, product_id)).rowcount == 1

    def add_fetched(self, url: str, path: str) -> None:
        """Note that `scripts/fetch` has downloaded the photo of a URL to `path`. The last one of a URL counts."""
        self.db.execute("INSERT OR REPLACE INTO fetched VALUES (?, ?)", (url, path))

    def fetched(self, url: str) -> str | None:
        """Where the photo of a URL was downloaded to; None if it was not."""
        row = self.db.execute("SELECT path FROM fetched WHERE url = ?", (url,)).fetchone()
        return None if row is None else str(row[0])

    def photo_of_image(self, image_id: str) -> str | None:
        """The photo file of a kept image; None if there is no such image."""
        row = self.db.execute("SELECT photo FROM images WHERE id = ?", (image_id,)).fetchone()
        return None if row is None else str(row[0])

    def rejection_of_product(self, product_id: str) -> str | None:
        """The reason why a product row with this id was rejected; None if no such row was rejected."""
        sql = "SELECT reason FROM rejected WHERE kind = 'products' AND id = ?"
        row = self.db.execute(sql, (product_id,)).fetchone()
        return None if row is None else str(row[0])

    def reject(
        self,
        kind: Kind,
        source: str,
        record: int | None,
        key: str | None,
        reason: str,
        detail: str,
        line: int | None = None,
    ) -> None:
        """Record a rejected input row: `reason` is a code for counting, `detail` an explanation for people."""
        values = (kind, source, record, key, reason, detail, line)
        self.db.execute("INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def note_skipped(self, source: str, what: str, count: int) -> None:
        """Count records of a table that are no rows, such as those equal to the header."""
        counts = self.skipped.setdefault(source, {})
        counts[what] = counts.get(what, 0) + count

    def note_unread(self, column: str, cell: str, source: str, line: int | None) -> None:
        """Count a cell that has text but could not be read. The first one is kept as an example."""
        seen = self.unread.get(column)
        first = f"{quoted(cell[:60])} in {source}{f', line {line}' if line else ''}"
        self.unread[column] = Unread(seen.count + 1, seen.first) if seen else Unread(1, first)

    def add_other_file(self, path: str) -> None:
        """Count a file that is neither a photo nor a table."""
        self.extra_files += 1
        self.extra_file = min(filter(None, (self.extra_file, path)))

    def settle_photos(self) -> None:
        """Reject the images whose photo file may be that of another image; call it after all rows are read."""
        for image in self.photos.contested():
            self.db.execute("DELETE FROM images WHERE number = ?", (image.number,))
            self.reject("images", image.source, image.record, image.id, "missing_photo", image.detail, image.line)
        if self.photos.doubtful:
            doubtful, first = self.photos.doubtful, self.photos.first_doubt
            self.warnings.append(f"{doubtful} names mean more than one photo file each; one is used: {first}")

    def images(self) -> Iterator[tuple[int, ImageRow]]:
        """Every image to decode, with its number, in input order."""
        columns = "number, id, product, photo, source, record, given_split, NULL, line, named_id"
        for number, *values in self.db.execute(f"SELECT {columns} FROM images ORDER BY number"):  # noqa: S608
            yield number, ImageRow(*values)

    def count(self, table: str) -> int:
        (count,) = self.db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        return int(count)
