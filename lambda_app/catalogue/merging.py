"""Merges the segments of a release into one, with the live rows only: when that is due, and what it becomes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.catalogue.building import Opened, successor
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.entries import CatalogEntry, FileEntry
from lambda_app.release.manifest import FORMAT, MANIFEST, Manifest, file_entry
from lambda_app.search.building.live_vectors import in_blocks
from lambda_app.search.building.merging import Merged, merge_indexes

# Merging is due if the rows behind the first segment are more than this share of it, or dead rows more than this share
# of all rows.
MOST_ADDED, MOST_DEAD = 0.10, 0.20
# Fewer rows than these cost a search nothing that could be measured.
WORTH_MERGING = 1_000
_BLOCK = 5_000  # rows of a catalog in memory at a time


@dataclass(frozen=True)
class MergedCatalogue:
    """A release with one segment.

    Attributes:
        index: what became of the indexes.
    """

    manifest: Manifest
    index: Merged


def due(manifest: Manifest) -> str | None:
    """Why merging is due, in words; None if it is not."""
    added, dead = manifest.rows - manifest.index.count, manifest.rows - manifest.count
    if added > max(MOST_ADDED * manifest.index.count, WORTH_MERGING):
        return f"{added:,} rows were added to {manifest.index.count:,}"
    if dead > max(MOST_DEAD * manifest.rows, WORTH_MERGING):
        return f"{dead:,} of {manifest.rows:,} rows are dead"
    return None


def merge(base: Opened, files: Callable[[FileEntry], Path], folder: Path, now: datetime) -> MergedCatalogue:
    """Write a release with the same catalogue in one segment.

    Items and vectors are read in blocks. Row numbers change; ids, vectors and fingerprints stay.

    Args:
        base: the release.
        files: returns the verified local path of a file.
        folder: an empty folder for the new files and the manifest.
        now: the release's `created_at`.

    Raises:
        ReleaseError: a file of the release cannot be read.
        OSError: the disk is full.
    """
    segments = base.manifest.all_segments
    live = _live_rows(base)
    index = merge_indexes(
        [(files(segment.index), segment.index) for segment in segments],
        live,
        _replaced(base, files(segments[0].catalog), live),
        folder / "index.faiss",
    )
    rows = np.flatnonzero(~base.dead)
    path = folder / "catalog.sqlite"
    count = write_catalog(path, _items(base, rows), _fingerprints(base, live, rows))
    manifest = successor(
        base.manifest,
        base.manifest.changes_through,
        now,
        # It takes the place of the release, which may be deleted before those that it was made from.
        parent=base.manifest.parent,
        format=FORMAT,
        index=index.entry.model_dump(),
        catalog=CatalogEntry(**file_entry(path), count=count).model_dump(),
        segments=(),
        dead=None,
    )
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return MergedCatalogue(manifest, index)


def _live_rows(base: Opened) -> list[npt.NDArray[np.int64]]:
    """The live rows of each segment, numbered from 0 in each."""
    ends = np.cumsum([segment.index.count for segment in base.manifest.all_segments])
    return [np.flatnonzero(~part) for part in np.split(base.dead, ends[:-1])]


def _replaced(base: Opened, first: Path, live: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """For each live row behind the first segment, the row there with the same image id, or -1."""
    rows = np.flatnonzero(~base.dead)[len(live[0]) :]
    found = np.full(len(rows), -1, np.int64)
    catalog = Catalog(first)
    try:
        for start in range(0, len(rows), _BLOCK):
            ids = [item.image_id for item in base.catalog.items(rows[start : start + _BLOCK].tolist())]
            olds = catalog.rows_of(ids, [])
            row_of = {item.image_id: row for row, item in zip(olds, catalog.items(olds), strict=True)}
            found[start : start + len(ids)] = [row_of.get(image_id, -1) for image_id in ids]
    finally:
        catalog.close()
    return found


def _items(base: Opened, rows: npt.NDArray[np.int64]) -> Iterator[CatalogItem]:
    for block in in_blocks(rows, _BLOCK):
        yield from base.catalog.items(block.tolist(), described=True)


def _fingerprints(
    base: Opened, live: Sequence[npt.NDArray[np.int64]], rows: npt.NDArray[np.int64]
) -> Iterator[Fingerprint] | None:
    """The fingerprints of rows; None if a segment has none, as in older releases."""
    places = np.cumsum([0, *(len(part) for part in live[:-1])])
    firsts = [int(rows[place]) for place, part in zip(places, live, strict=True) if len(part)]
    if base.catalog.fingerprints(firsts) is None:
        return None
    return _stored_fingerprints(base, rows)


def _stored_fingerprints(base: Opened, rows: npt.NDArray[np.int64]) -> Iterator[Fingerprint]:
    for block in in_blocks(rows, _BLOCK):
        found = base.catalog.fingerprints(block.tolist())
        yield from () if found is None else found
