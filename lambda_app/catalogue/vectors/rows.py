"""The rows of a release that an index of S3 Vectors holds: the live ones, but for those whose texts are too long."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import Catalog, CatalogItem
from lambda_app.release.entries import FileEntry, SegmentEntry
from lambda_app.release.manifest import Manifest
from lambda_app.release.segments.live_rows import LiveRows, read_dead_rows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.s3vectors.schema import fits, metadata_of

# Texts of so many bytes fit, whatever they hold. Longer ones are looked at.
_SHORT = 300
_LONG = (
    "SELECT row, image_id, product_id, category, photo FROM items "
    "WHERE length(CAST(image_id AS BLOB)) NOT BETWEEN 1 AND ? OR length(CAST(photo AS BLOB)) > ? "
    "OR length(CAST(product_id AS BLOB)) + length(CAST(category AS BLOB)) > ?"
)
# A value of a vector in JSON: sign, "0.", digits, comma and blank.
_DIGITS, _VALUE_BYTES = 9, 14

_Rows = npt.NDArray[np.int64]
_Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Held:
    """The items of a release as rows of all segments, numbered through.

    Attributes:
        indexes, catalogs: one for each segment.
        live: the rows that are in the index.
        left_out: the live rows that it cannot hold.
    """

    manifest: Manifest
    indexes: tuple[VectorIndex, ...]
    catalogs: tuple[Catalog, ...]
    live: LiveRows
    left_out: _Rows
    catalog: SegmentedCatalog

    @property
    def rows(self) -> _Rows:
        """All rows that are in the index, ascending: int64 (n,)."""
        return np.concatenate([self.rows_of(segment) for segment in range(len(self.indexes))])

    def rows_of(self, segment: int) -> _Rows:
        """Those of a segment."""
        part = self.live.parts[segment]
        local = np.arange(self.live.counts[segment]) if part is None else np.flatnonzero(self.mask_of(segment))
        return local + self.live.starts[segment]

    def mask_of(self, segment: int) -> npt.NDArray[np.bool_]:
        """Which rows of a segment are in the index: bool (rows of the segment,)."""
        part, count = self.live.parts[segment], self.live.counts[segment]
        return np.ones(count, np.bool_) if part is None else part.mask(count)

    def contents(self, segment: int) -> tuple[str, str]:
        """What tells a segment from others: the digests of its index and its catalog."""
        return contents(self.manifest.all_segments[segment])

    def vectors(self, rows: Sequence[int]) -> _Vectors:
        """The stored vectors of rows: float32 (m, d), L2-normalised."""
        found = np.empty((len(rows), self.indexes[0].dim), np.float32)
        for segment, numbers, places in self.live.by_segment(rows):
            found[places] = self.indexes[segment].vectors(numbers)
        return found

    def find(self, image_ids: Sequence[str]) -> dict[str, int]:
        """The rows of these photos, by image id. What is not in the index is left out."""
        found: dict[str, int] = {}
        for segment, (catalog, start) in enumerate(zip(self.catalogs, self.live.starts, strict=True)):
            rows = [row for row in catalog.rows_of(image_ids, ()) if self.live.is_live(segment, row)]
            items = catalog.items(rows, described=False)
            found |= {item.image_id: start + row for row, item in zip(rows, items, strict=True)}
        return found

    def photos(self, rows: Sequence[int]) -> tuple[list[CatalogItem], list[Fingerprint | None], _Vectors]:
        """Of rows: items with descriptions; fingerprints, uint8 (197,), None in older segments; vectors (m, d)."""
        fingerprints: list[Fingerprint | None] = [None] * len(rows)
        for segment, numbers, places in self.live.by_segment(rows):
            # Not those of all segments at once: one segment without fingerprints would hide all others.
            found = self.catalogs[segment].fingerprints(numbers)
            for place, one in zip(places, [] if found is None else found, strict=found is not None):
                fingerprints[place] = one
        return self.catalog.items(rows), fingerprints, self.vectors(rows)

    def entries(self, rows: Sequence[int], numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Rows as PutVectors takes them, under these row numbers.

        Raises:
            ReleaseError: a vector is zero or not finite, which the service refuses.
        """
        items, fingerprints, vectors = self.photos(rows)
        lengths = np.linalg.norm(vectors, axis=1)
        for place in np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0))).tolist():
            raise ReleaseError(f"the vector of item {items[place].image_id[:80]!r} has length {lengths[place]}")
        # Rounded far below the precision of float32 at this size, so that JSON has half the bytes.
        values = np.round(vectors.astype(np.float64), _DIGITS).tolist()
        return [
            {
                "key": item.image_id,
                "data": {"float32": values[place]},
                "metadata": metadata_of(numbers[place], item, fingerprints[place]),
            }
            for place, item in enumerate(items)
        ]


def contents(segment: SegmentEntry) -> tuple[str, str]:
    """What tells a segment from others: the digests of its index and its catalog."""
    return segment.index.sha256, segment.catalog.sha256


def payload_bytes(entry: dict[str, Any]) -> int:
    """What a vector adds to a request, in bytes, at most."""
    texts = len(json.dumps(entry["metadata"])) + len(json.dumps(entry["key"]))
    return texts + _VALUE_BYTES * len(entry["data"]["float32"]) + 60


@contextmanager
def opened_rows(manifest: Manifest, files: Callable[[FileEntry], Path]) -> Iterator[Held]:
    """The rows of a release, as long as the context lasts.

    Args:
        files: returns the verified local path of a file.

    Raises:
        ReleaseError: a file cannot be opened.
        StoreError: raised by `files`.
    """
    segments = manifest.all_segments
    counts = [segment.index.count for segment in segments]
    paths = [files(segment.catalog) for segment in segments]
    dead = np.zeros(manifest.rows, np.bool_)
    if manifest.dead is not None:
        dead |= read_dead_rows(files(manifest.dead), manifest.dead, manifest.rows).mask(manifest.rows)
    starts = np.cumsum([0, *counts[:-1]]).tolist()
    unfit = np.array([start + row for start, path in zip(starts, paths, strict=True) for row in _unfit(path)], np.int64)
    unfit = unfit[~dead[unfit]]
    dead[unfit] = True
    live = LiveRows.without(counts, dead if dead.any() else None)
    indexes = tuple(VectorIndex(files(segment.index), segment.index) for segment in segments)
    catalogs = tuple(Catalog(path) for path in paths)
    with closing(SegmentedCatalog(catalogs, live)) as catalog:
        yield Held(manifest, indexes, catalogs, live, unfit, catalog)


def _unfit(path: Path) -> list[int]:
    """The rows of a catalog that an index cannot hold. Other texts are cut."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        with closing(connection):
            connection.execute("PRAGMA trusted_schema = OFF")
            return [int(row) for row, *texts in connection.execute(_LONG, (_SHORT,) * 3) if not fits(*texts)]
    except sqlite3.Error as exc:
        raise ReleaseError(f"{path.name} is not a catalog: {exc}") from exc
