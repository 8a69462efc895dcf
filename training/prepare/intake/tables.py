"""The working tables of one `prepare` run: what was read, what was refused and why.

They live in SQLite, not in dicts: memory stays flat however many rows and photos there are.
"""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
CREATE TABLE photo_files (
    path TEXT PRIMARY KEY, stem TEXT NOT NULL, rank INTEGER NOT NULL, named INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX photo_files_by_stem ON photo_files (stem, rank, path);
"""


@dataclass(frozen=True)
class ProductRow:
    """A product as read; `digest` tells exact duplicates (None where there can be none)."""

    id: str
    category: str
    title: str | None = None
    price: float | None = None
    location: str | None = None
    digest: bytes | None = None


@dataclass(frozen=True)
class ImageRow:
    """A photo as read.

    Attributes:
        product: number of its product, as `Intake.add_product` returned it.
        photo: path relative to the data folder.
        source: the file that named it, for `rejected.csv`; record: its number there.
        given_split: the split that its folder prescribes, if any.
    """

    id: str
    product: int
    photo: str
    source: str
    record: int | None = None
    given_split: str | None = None
    digest: bytes | None = None


class Intake:
    """The working tables and the counts that must add up."""

    def __init__(self, path: Path) -> None:
        """Create the tables in a new file at `path`."""
        self.db = sqlite3.connect(path)
        self.db.executescript(_TABLES)
        self.rows_in: dict[str, int] = {"products": 0, "images": 0}
        self.encoding: dict[str, str] = {}
        self.warnings: list[str] = []
        self.extra_files = 0

    def close(self) -> None:
        self.db.close()

    def add_product(self, product: ProductRow) -> int | str:
        """Keep a product: its number, or the reason why its id cannot stand twice."""
        return self._add("products", product.id, product.digest, vars(product))

    def add_image(self, image: ImageRow) -> int | str:
        """Keep a photo until it is decoded: its number, or the reason why its id cannot stand twice."""
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

    def refusal_of_product(self, product_id: str) -> str | None:
        """Why every product row of this id was rejected; None if there was no such row."""
        sql = "SELECT reason FROM rejected WHERE kind = 'products' AND id = ?"
        row = self.db.execute(sql, (product_id,)).fetchone()
        return None if row is None else str(row[0])

    def reject(self, kind: Kind, source: str, record: int | None, key: str | None, reason: str, detail: str) -> None:
        """Refuse one input row: `reason` is a word to count by, `detail` a sentence for a person."""
        self.db.execute("INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?)", (kind, source, record, key, reason, detail))

    def add_photo_file(self, path: str, rank: int) -> None:
        """Note that a photo file exists at `path` (relative to the data folder); the lowest rank is taken first."""
        stem = os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122  a string's, 100,000 times
        self.db.execute("INSERT INTO photo_files (path, stem, rank) VALUES (?, ?, ?)", (path, stem, rank))

    def photo_of(self, image_id: str) -> str | None:
        """The photo file of an image id, marked as named by a row.

        The id is compared with the names of files that were found, never made into a path.
        """
        sql = "SELECT path FROM photo_files WHERE stem = ? ORDER BY rank, path LIMIT 1"
        row = self.db.execute(sql, (image_id,)).fetchone()
        if row is None:
            return None
        self.db.execute("UPDATE photo_files SET named = 1 WHERE stem = ?", (image_id,))
        return str(row[0])

    def images(self) -> Iterator[tuple[int, ImageRow]]:
        """Every photo to decode, with its number, in the order of the input."""
        sql = "SELECT number, id, product, photo, source, record, given_split FROM images ORDER BY number"
        for number, *values in self.db.execute(sql):
            yield number, ImageRow(*values)

    def count(self, table: str) -> int:
        (count,) = self.db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        return int(count)
