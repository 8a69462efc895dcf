"""A prepared dataset: the items table, the photo cache and the splits. All later stages read it.

items.sqlite   table `items`; row i belongs to row i of the photo cache. Table `descriptions`, by product
photos.npy     uint8 (n, size, size, 3), letterboxed by the serving code
sources.sqlite the file of each photo and its SHA-256, from which a rerun knows what it need not decode; its fingerprint
rejected.csv   every rejected input row or photo, with its reason
summary.json   counts of what was read, kept and rejected; settings and digest
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES
from lambda_app.photo.rules import Preprocessing
from training.errors import DataError

ITEMS = "items.sqlite"
PHOTOS = "photos.npy"
SOURCES = "sources.sqlite"
REJECTED = "rejected.csv"
SUMMARY = "summary.json"
SPLITS = ("train", "validation", "test")
ITEMS_TABLE = """
CREATE TABLE items (
    row INTEGER PRIMARY KEY, image_id TEXT NOT NULL UNIQUE, product_id TEXT NOT NULL, category INTEGER NOT NULL,
    title TEXT, price REAL, location TEXT, split TEXT NOT NULL, photo TEXT NOT NULL
)
"""
DESCRIPTIONS_TABLE = "CREATE TABLE descriptions (product_id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"
_DESCRIBED = "SELECT items.*, text FROM items LEFT JOIN descriptions USING (product_id) ORDER BY row"


@dataclass(frozen=True)
class Item:
    """One photo of the dataset with its listing.

    Attributes:
        row: row in the photo cache.
        category: index into `Dataset.categories`.
        photo: path relative to the data folder that was prepared.
    """

    row: int
    image_id: str
    product_id: str
    category: int
    title: str | None
    price: float | None
    location: str | None
    split: str
    photo: str
    description: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset, open for reading.

    Attributes:
        path: folder of the dataset.
        photos: uint8 (n, size, size, 3), memory-mapped.
        category: int64 (n,), indices into `categories`.
        product: int64 (n,), product numbers from 0; photos of one product have the same number.
        split: uint8 (n,), indices into `SPLITS`.
        categories: category names in index order; some may have no items.
        preprocessing: settings with which the photos were made; serving must use the same.
        digest: hex SHA-256 of items, photos, splits and settings; identifies the dataset.
        training_digest: the same without titles, prices, locations, descriptions and the currency, which the network
            does not learn.
        layout: "listings" or "folders" (where each photo is a separate product).
        summary: `summary.json`.
    """

    path: Path
    photos: npt.NDArray[np.uint8]
    category: npt.NDArray[np.int64]
    product: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]
    categories: tuple[str, ...]
    preprocessing: Preprocessing
    digest: str
    training_digest: str
    layout: str
    summary: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Dataset":
        """Open a dataset; the photos are memory-mapped.

        Raises:
            DataError: a file is missing or cannot be read, or the files do not match each other.
        """
        summary = read_summary(path)
        photos = _map_photos(path / PHOTOS)
        category, product, split = _read_codes(path / ITEMS)
        try:
            count = summary["kept"]["images"]
            preprocessing = Preprocessing.model_validate(summary["preprocessing"])
            dataset = cls(
                path=path,
                photos=photos,
                category=category,
                product=product,
                split=split,
                categories=tuple(summary["categories"]),
                preprocessing=preprocessing,
                digest=summary["digest"],
                training_digest=summary["training_digest"],
                layout=summary["layout"],
                summary=summary,
            )
        except (KeyError, TypeError, ValidationError) as exc:
            raise DataError(f"{path / SUMMARY} is not the summary of a dataset: {type(exc).__name__} {exc}") from exc
        expected = (count, preprocessing.size, preprocessing.size, 3)
        if photos.shape != expected or len(category) != count:
            raise DataError(
                f"the files of {path} do not match: {SUMMARY} counts {count} items of {preprocessing.size} pixels, "
                f"{ITEMS} holds {len(category)}, {PHOTOS} is {photos.shape}"
            )
        if count and not 0 <= category.min() <= category.max() < len(dataset.categories):
            raise DataError(
                f"{path / ITEMS} has a category index outside the {len(dataset.categories)} categories of {SUMMARY}"
            )
        return dataset

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """The rows of a split, ascending, int64.

        Raises:
            DataError: not one of `SPLITS`.
        """
        if split not in SPLITS:
            raise DataError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
        return np.flatnonzero(self.split == SPLITS.index(split)).astype(np.int64)

    @cached_property
    def image_ids(self) -> tuple[str, ...]:
        """The image id of each row; read from the table at the first access."""
        return tuple(item.image_id for item in self.items())

    def fingerprints(self) -> npt.NDArray[np.uint8] | None:
        """The fingerprint of each photo, uint8 (n, 197); None in a dataset that was made without them.

        Raises:
            DataError: they cannot be read, or photos are missing.
        """
        path = self.path / SOURCES
        if not path.is_file():
            return None
        try:
            with closing(_connect(path)) as db:
                if "fingerprint" not in [column for _, column, *_ in db.execute("PRAGMA table_info(sources)")]:
                    return None
                data = b"".join(row[0] for row in db.execute("SELECT fingerprint FROM sources ORDER BY row"))
        except (sqlite3.Error, TypeError) as exc:
            raise DataError(f"{path} cannot be read: {exc}") from exc
        if len(data) != len(self.photos) * FINGERPRINT_BYTES:
            raise DataError(f"{path} holds {len(data)} bytes of fingerprints for {len(self.photos)} photos")
        return np.frombuffer(data, np.uint8).reshape(-1, FINGERPRINT_BYTES)

    def items(self) -> Iterator[Item]:
        """Yield all items in row order."""
        with closing(_connect(self.path / ITEMS)) as db:
            # A dataset that an older version made has no table of descriptions.
            known = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'descriptions'").fetchone()
            for values in db.execute(_DESCRIBED if known else "SELECT * FROM items ORDER BY row"):
                yield Item(*values)


def read_summary(path: Path) -> dict[str, Any]:
    """`summary.json` of the dataset at `path`.

    Raises:
        DataError: it is missing or not JSON.
    """
    try:
        summary = json.loads((path / SUMMARY).read_bytes())
    except FileNotFoundError as exc:
        raise DataError(f"{path} is not a dataset: it has no {SUMMARY}") from exc
    except ValueError as exc:
        raise DataError(f"{path / SUMMARY} is not JSON: {exc}") from exc
    if not isinstance(summary, dict):
        raise DataError(f"{path / SUMMARY} is not the summary of a dataset")
    return summary


def _map_photos(path: Path) -> npt.NDArray[np.uint8]:
    try:
        photos: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as exc:
        raise DataError(f"{path} cannot be read: {exc}") from exc
    if photos.dtype != np.uint8:
        raise DataError(f"{path} contains {photos.dtype}, not uint8")
    return photos


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _read_codes(path: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Category, product and split of each row as numbers."""
    sql = """
        SELECT row, category, dense_rank() OVER (ORDER BY product_id) - 1,
               CASE split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 WHEN 'test' THEN 2 END
        FROM items ORDER BY row
    """
    kind = np.dtype([("row", np.int64), ("category", np.int64), ("product", np.int64), ("split", np.uint8)])
    try:
        with closing(_connect(path)) as db:
            codes = np.fromiter(db.execute(sql), kind)
    except (sqlite3.Error, TypeError, ValueError) as exc:
        raise DataError(f"{path} cannot be read: {exc}") from exc
    if not np.array_equal(codes["row"], np.arange(len(codes))):
        raise DataError(f"the rows of {path} are not numbered from 0 without gaps")
    return codes["category"].copy(), codes["product"].copy(), codes["split"].copy()
