"""Puts a release with merged segments in place of the live one. The catalogue is the same, so nobody waits for it.

Changes go live first. If merging does not fit this process, or fails, they stay live in their segments.
"""

import logging
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lambda_app.catalogue.building import opened
from lambda_app.catalogue.merging import due, merge
from lambda_app.catalogue.vectors.ready import bring_index
from lambda_app.catalogue.vectors.restoring import restore_index
from lambda_app.errors import PointerConflictError
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.promotion.stored import store_release, stored_manifest
from lambda_app.promotion.succession import Clock, history, live_release, move_pointer, utc_now
from lambda_app.release.entries import FileEntry
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings, function_memory
from lambda_app.store.contract import LivePointer, Store

log = logging.getLogger(__name__)
_TRIES = 5
# What a merge needs at most, for each row: nearly twice what was measured with new centroids, see docs/scale.md.
_SECONDS_PER_ROW = 300e-6
_BYTES_PER_ROW = 600
# Scratch disk and memory that it needs for each byte of the indexes and catalogs that it merges.
_SCRATCH, _MEMORY = 1.1, 1.0
# Of a Lambda function's memory: what this process needs beside the merge.
_RESERVED_BYTES = 768 << 20
_COMMAND = "scripts/catalogue --store STORE compact"


@dataclass(frozen=True)
class Compacted:
    """What became of a merge that was asked for or due.

    Attributes:
        release: the release that it made live; None if it was not done.
        detail: what was merged, or why it was not, in words.
    """

    release: str | None
    detail: str


def compact(store: Store, settings: Settings, now: Clock = utc_now) -> Compacted | None:
    """Merge the segments of the live release, and make the result live. None if it has one segment without dead rows.

    Raises:
        RefusedReleaseError: nothing is live.
        PointerConflictError: others moved the pointer again and again.
        StoreError: the store does not answer, or the scratch disk is full.
    """
    for _ in range(_TRIES):
        live = live_release(store)
        manifest = stored_manifest(store, live.pointer.release)
        if not manifest.segmented:
            return None
        try:
            return _merged(store, settings, live, manifest, now)
        except PointerConflictError:
            log.info("%s is no longer live: its merged segments are not used", manifest.release)
            restore_index(store, settings)
    raise PointerConflictError(f"the pointer of {store} moved {_TRIES} times while segments were merged")


def compact_if_due(
    store: Store, settings: Settings, now: Clock = utc_now, seconds: float | None = None
) -> Compacted | None:
    """Merge the segments of the live release if that is due and fits; never fails.

    Args:
        store: its live release is looked at.
        settings: which engine searches.
        now: the clock.
        seconds: the time that is left; None: enough.

    Returns:
        What became of it; None if it is not due.
    """
    try:
        live = live_release(store)
        manifest = stored_manifest(store, live.pointer.release)
        reason = due(manifest)
        if reason is None:
            return None
        if (hindrance := too_large(manifest, seconds, function_memory())) is not None:
            detail = f"segments should be merged, because {reason}; {hindrance}. Run {_COMMAND} on a larger machine"
            return Compacted(None, detail)
        return _merged(store, settings, live, manifest, now)
    except PointerConflictError:
        restore_index(store, settings)
        return Compacted(None, "segments were not merged, because others went live; the next changes try again")
    except Exception as exc:  # whatever it is: the changes are live
        log.exception("segments were not merged; %s does it", _COMMAND)
        return Compacted(None, f"segments were not merged: {exc}")


def too_large(manifest: Manifest, seconds: float | None, megabytes: int | None) -> str | None:
    """Why merging the segments of a release does not fit this process, in words; None if it fits.

    Args:
        manifest: of the release.
        seconds: the time that is left; None: enough.
        megabytes: memory of the Lambda function; None: not in Lambda.
    """
    size = sum(segment.index.bytes + segment.catalog.bytes for segment in manifest.all_segments)
    if seconds is not None and (takes := _SECONDS_PER_ROW * manifest.rows) > seconds:
        return f"that may take {takes:,.0f} s, and {seconds:,.0f} s are left"
    if megabytes is not None:
        indexes = sum(segment.index.bytes for segment in manifest.all_segments)
        needed = _RESERVED_BYTES + _MEMORY * indexes + _BYTES_PER_ROW * manifest.rows
        if needed > megabytes << 20:
            return f"that may take {needed / (1 << 20):,.0f} MB of memory, and the function has {megabytes:,} MB"
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if (needed := _SCRATCH * size) > free:
        return f"that takes {needed / (1 << 20):,.0f} MB of scratch disk, and {free >> 20:,} MB are free"
    return None


def _merged(store: Store, settings: Settings, live: LivePointer, manifest: Manifest, now: Clock) -> Compacted:
    base = opened(manifest, store.local_file)
    try:
        with scratch_folder("changes") as folder:
            made = merge(base, store.local_file, folder, now())
            opened(made.manifest, partial(_file, store, folder)).catalog.close()  # its parts fit each other
            store_release(store, folder, made.manifest)
            bring_index(store, made.manifest, settings)  # the same items: hardly anything is sent
            # A rollback goes back to another catalogue, so the release with the same one is not in the history.
            move_pointer(store, made.manifest, live, now, history(live.pointer))
    finally:
        base.catalog.close()
    removed = manifest.rows - manifest.count
    words = {"kept": "its centroids were kept", "new": "its centroids are new", "none": "it is searched exactly"}
    detail = (
        f"{made.manifest.release} is live: {len(manifest.all_segments)} segments with {manifest.rows:,} rows became "
        f"one of {made.manifest.count:,}, without {removed:,} dead rows; {words[made.index.centroids]}"
    )
    return Compacted(made.manifest.release, detail)


def _file(store: Store, folder: Path, entry: FileEntry) -> Path:
    return folder / entry.file if (folder / entry.file).exists() else store.local_file(entry)
