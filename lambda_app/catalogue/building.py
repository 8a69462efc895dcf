"""Makes a release of segments from another release and a draft: new files for what is new, the old ones as they are."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.catalogue.delta import write_delta
from lambda_app.catalogue.draft import Draft
from lambda_app.catalogue.embedding import Embedded
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.entries import CatalogEntry, DeadRowsEntry, FileEntry, IndexEntry, SegmentEntry
from lambda_app.release.manifest import FORMAT, MANIFEST, SEGMENTED, Manifest, file_entry
from lambda_app.release.row_set import RowSet
from lambda_app.release.segments.live_rows import LiveRows, read_dead_rows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.segmented_index import SegmentedIndex

# A new segment takes in the last one while that has at most so many times its rows. So the number of segments grows
# with the logarithm of the rows, and each row is written again only as often.
_TAKES_IN = 2
# It takes in the last one anyway if that many were added: each costs every search a little.
_MOST_ADDED = 8


@dataclass(frozen=True, eq=False)
class Opened:
    """The catalogue of a release, without its model.

    Attributes:
        dead: bool (rows of all segments,).
    """

    manifest: Manifest
    index: SegmentedIndex
    catalog: SegmentedCatalog
    dead: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a new segment."""

    items: list[CatalogItem]
    vectors: npt.NDArray[np.float32]
    fingerprints: Fingerprint | None


def opened(manifest: Manifest, files: Callable[[FileEntry], Path]) -> Opened:
    """Open indexes and catalogs of all segments.

    Args:
        files: returns the verified local path of a file.

    Raises:
        ReleaseError: a file cannot be opened.
        StoreError: raised by `files`.
    """
    segments = manifest.all_segments
    dead = np.zeros(manifest.rows, np.bool_)
    if manifest.dead is not None:
        dead = read_dead_rows(files(manifest.dead), manifest.dead, manifest.rows).mask(manifest.rows)
    live = LiveRows.without([segment.index.count for segment in segments], dead if dead.any() else None)
    indexes = [VectorIndex(files(segment.index), segment.index) for segment in segments]
    catalogs = [Catalog(files(segment.catalog)) for segment in segments]
    return Opened(manifest, SegmentedIndex(indexes, live), SegmentedCatalog(catalogs, live), dead)


def build(
    base: Opened, draft: Draft, photos: dict[str, Embedded], folder: Path, through: int, now: datetime
) -> Manifest:
    """Write the new files and the manifest of the release that has the draft's catalogue.

    Args:
        base: the release that the draft began with.
        draft: what changes; something is left in its catalogue.
        photos: of the added rows that take over no vector, by image id.
        folder: an empty folder for the files.
        through: the last entry of the log that the draft contains.
        now: the release's `created_at`.
    """
    dead = base.dead.copy()
    dead[list(draft.dead)] = True
    new = _new_rows(base, draft, photos)
    kept = list(base.manifest.segments)
    if new.items:
        new = _taken_in(base, kept, dead, new)
        kept.append(_write_segment(folder, new, _unused_number(kept), base.manifest.index))
    dead = np.concatenate([dead[: _rows_of(base.manifest, kept, new)], np.zeros(len(new.items), np.bool_)])
    manifest = successor(
        base.manifest,
        through,
        now,
        format=SEGMENTED if kept or dead.any() else FORMAT,
        segments=[segment.model_dump() for segment in kept],
        dead=_write_dead(folder, dead).model_dump() if dead.any() else None,
    )
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return manifest


def successor(manifest: Manifest, through: int, now: datetime, **fields: Any) -> Manifest:
    """The manifest of a release that was made from another one.

    Args:
        manifest: of the other one.
        through: the last entry of the log that the release contains.
        now: its `created_at`.
        fields: further fields that differ.
    """
    # An id that no other release has, also if the same changes are applied twice within a second.
    digest = hashlib.sha256(f"{manifest.release} {through} {uuid.uuid4()}".encode()).hexdigest()
    own = {
        "release": f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{digest[:8]}",
        "created_at": now,
        "parent": manifest.release,
        "changes_through": through,
        "force": False,
    }
    return Manifest.model_validate(manifest.model_dump() | own | fields)


def _new_rows(base: Opened, draft: Draft, photos: dict[str, Embedded]) -> _Rows:
    """The rows that the draft adds, in its order."""
    added = list(draft.added.values())
    vectors = np.empty((len(added), base.index.dim), np.float32)
    moved = [number for number, new in enumerate(added) if new.row is not None]
    rows = [new.row for new in added if new.row is not None]
    stored = base.catalog.fingerprints(rows)
    bits: dict[int, Fingerprint] = {} if stored is None else dict(zip(moved, stored, strict=True))
    if rows:
        vectors[moved] = base.index.vectors(rows)
    for number, new in enumerate(added):
        if new.row is None:
            photo = photos[new.item.image_id]
            vectors[number], bits[number] = photo.vector, photo.fingerprint
    complete = len(bits) == len(added) > 0
    fingerprints = np.stack([bits[number] for number in range(len(added))]) if complete else None
    return _Rows([new.item for new in added], vectors, fingerprints)


def _taken_in(base: Opened, kept: list[SegmentEntry], dead: npt.NDArray[np.bool_], new: _Rows) -> _Rows:
    """The new rows, behind the live rows of the last segments, which are taken out of `kept`."""
    while kept and (len(kept) >= _MOST_ADDED or kept[-1].index.count <= _TAKES_IN * len(new.items)):
        last = kept.pop()
        start = _rows_of(base.manifest, kept, None)
        live = (start + np.flatnonzero(~dead[start : start + last.index.count])).tolist()
        if not live:
            continue
        bits = base.catalog.fingerprints(live)
        both = None if bits is None or new.fingerprints is None else np.concatenate([bits, new.fingerprints])
        vectors = np.concatenate([base.index.vectors(live), new.vectors])
        new = _Rows(base.catalog.items(live) + new.items, vectors, both)
    return new


def _rows_of(manifest: Manifest, kept: Sequence[SegmentEntry], new: _Rows | None) -> int:
    """The rows of the first segment and of these, without those of the new one, which is the last of them."""
    rows = manifest.index.count + sum(segment.index.count for segment in kept)
    return rows - (len(new.items) if new is not None else 0)


def _unused_number(kept: Sequence[SegmentEntry]) -> int:
    """A number for the names of the files of the next segment."""
    used = {segment.index.file for segment in kept}
    return next(number for number in range(1, len(kept) + 2) if f"segment-{number}.faiss" not in used)


def _write_segment(folder: Path, rows: _Rows, number: int, base: IndexEntry) -> SegmentEntry:
    count = len(rows.items)
    index = write_delta(folder / f"segment-{number}.faiss", rows.vectors, base)
    write_catalog(folder / f"segment-{number}.sqlite", rows.items, rows.fingerprints)
    return SegmentEntry(
        index=index,
        catalog=CatalogEntry(**file_entry(folder / f"segment-{number}.sqlite"), count=count),
    )


def _write_dead(folder: Path, dead: npt.NDArray[np.bool_]) -> DeadRowsEntry:
    marked = RowSet.of_mask(dead)
    path = folder / "dead.bits"
    path.write_bytes(marked.bits.tobytes())
    return DeadRowsEntry(**file_entry(path), count=len(marked))
