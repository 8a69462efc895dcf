"""The working tables of one `prepare` run: rows that were read, and rows that were rejected with their reasons.

They are SQLite tables instead of dicts, so memory use does not grow with the number of rows and photos.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.prepare.intake.photo_names import PhotoNames

Kind = Literal["products", "images"]

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE products (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest BLOB, category TEXT NOT NULL,
    title TEXT, price REAL, location TEXT, split TEXT
);
CREATE TABLE images (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest BLOB, product INTEGER NOT NULL, photo TEXT NOT NULL,
    source TEXT NOT NULL, record INTEGER, given_split TEXT
);
CREATE INDEX images_by_product ON images (product);
CREATE TABLE cached (row INTEGER PRIMARY KEY, image INTEGER NOT NULL UNIQUE, content BLOB NOT NULL);
CREATE TABLE rejected (
    kind TEXT NOT NULL, source TEXT NOT NULL, record INTEGER, id TEXT, reason TEXT NOT NULL, detail TEXT NOT NULL
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


@dataclass(frozen=True)
class ImageRow:
    """An image row.

    Attributes:
        product: number of its product, as returned by `Intake.add_product`.
        photo: path relative to the data folder.
        source: the input file of this row, for `rejected.csv`; record: number of the row in that file.
        given_split: the split of its folder, if the input has split folders.
    """

    id: str
    product: int
    photo: str
    source: str
    record: int | None = None
    given_split: str | None = None
    digest: bytes | None = None


class Intake:
    """The working tables, and the counts of input rows, which must equal kept plus rejected rows.

    Attributes:
        photos: the photo files, by name.
        extra_files: number of files that are no photos and no tables; extra_file: the first of them.
        currency: the currency of all prices as an ISO 4217 code, if the input says it.
    """

    def __init__(self, path: Path) -> None:
        """Create the tables in a new file at `path`."""
        self.db = sqlite3.connect(path)
        self.db.executescript(_TABLES)
        self.photos = PhotoNames(self.db)
        self.rows_in: dict[str, int] = {"products": 0, "images": 0}
        self.encoding: dict[str, str] = {}
        self.warnings: list[str] = []
        self.extra_files = 0
        self.extra_file = ""
        self.currency: str | None = None

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
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"  # noqa: S608
        cursor = self.db.execute(sql, tuple(values.values()))
        if cursor.rowcount == 1 and cursor.lastrowid is not None:
            return cursor.lastrowid
        (kept,) = self.db.execute(f"SELECT digest FROM {table} WHERE id = ?", (key,)).fetchone()  # noqa: S608
        return "duplicate_row" if kept == digest else "duplicate_id"

    def product_number(self, product_id: str) -> int | None:
        row = self.db.execute("SELECT number FROM products WHERE id = ?", (product_id,)).fetchone()
        return None if row is None else int(row[0])

    def rejection_of_product(self, product_id: str) -> str | None:
        """The reason why a product row with this id was rejected; None if no such row was rejected."""
        sql = "SELECT reason FROM rejected WHERE kind = 'products' AND id = ?"
        row = self.db.execute(sql, (product_id,)).fetchone()
        return None if row is None else str(row[0])

    def reject(self, kind: Kind, source: str, record: int | None, key: str | None, reason: str, detail: str) -> None:
        """Record a rejected input row: `reason` is a code for counting, `detail` an explanation for people."""
        self.db.execute("INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?)", (kind, source, record, key, reason, detail))

    def add_other_file(self, path: str) -> None:
        """Count a file that is neither a photo nor a table."""
        self.extra_files += 1
        self.extra_file = min(filter(None, (self.extra_file, path)))

    def settle_photos(self) -> None:
        """Reject the images whose photo file may be that of another image; call it after all rows are read."""
        for image in self.photos.contested():
            self.db.execute("DELETE FROM images WHERE number = ?", (image.number,))
            self.reject("images", image.source, image.record, image.id, "missing_photo", image.detail)
        if self.photos.doubtful:
            doubtful, first = self.photos.doubtful, self.photos.first_doubt
            self.warnings.append(f"{doubtful} names mean more than one photo file each; one is used: {first}")

    def images(self) -> Iterator[tuple[int, ImageRow]]:
        """Every image to decode, with its number, in input order."""
        sql = "SELECT number, id, product, photo, source, record, given_split FROM images ORDER BY number"
        for number, *values in self.db.execute(sql):
            yield number, ImageRow(*values)

    def count(self, table: str) -> int:
        (count,) = self.db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        return int(count)
