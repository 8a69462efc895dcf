"""Deletes old releases and the objects that no other release names. Promotions can run at the same time.

There is no lock. Two rules keep a prune from deleting what a promotion needs.

Objects are protected by the order of steps. A prune first writes to `releases/pruning/` what it is about to delete.
Then it reads again what is stored and live, and deletes only what still nobody names. A promotion writes its manifest.
Then it checks that no prune names any part of it and that every object exists, and it moves the pointer last
(`stored.py`). So if both run at once, at least one of them sees the other.

A release that is about to go live, and objects that are uploaded before their manifest, are protected by age alone:
everything written within the last hour is kept. A promotion writes its manifest right before it moves the pointer. If
more than an hour passed between the two, a prune could delete the manifest in between, and the pointer would name a
release that is gone. A call of `prune` with a shorter `age` must keep enough of the newest releases instead.
"""

import json
import re
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambda_app.catalogue.vectors.bookkeeping import held_in_indexes
from lambda_app.promotion.stored import PRUNING, STALE, manifest_key
from lambda_app.promotion.upkeep.listing import StoredRelease, list_releases
from lambda_app.store.contract import OBJECTS, RELEASES, Store

AGE = timedelta(hours=1)
# Well below `STALE`: after that time, a promotion ignores what a prune wrote.
_MOST_SECONDS = STALE.total_seconds() / 2
_SHA256 = re.compile(rb"[0-9A-Fa-f]{64}")


@dataclass(frozen=True)
class Pruned:
    """The result of a prune.

    Attributes:
        releases: ids of the deleted releases.
        objects: number of deleted objects.
        notes: what was kept and why, in words.
    """

    releases: list[str]
    objects: int
    notes: list[str]


@dataclass(frozen=True)
class _Plan:
    releases: set[str]
    objects: set[str]
    notes: list[str]


def prune(store: Store, keep: int, age: timedelta = AGE) -> Pruned:
    """Delete old releases, and all objects that no remaining release uses.

    A release whose manifest cannot be read is kept, with every object whose sha256 the manifest contains. If the
    manifest is not JSON, it may be incomplete; then all objects are kept.

    Args:
        store: where to delete.
        keep: number of newest releases to keep. The live release, the previous one, the one that a rollback of the
            model goes to and those that an index of S3 Vectors holds are always kept too.
        age: what was written within this time is kept. Only this protects a release that is about to go live.
    """
    marker = f"{PRUNING}{uuid.uuid4()}.json"
    store.write(marker, _to_json(set(), set()))
    try:
        markers = dict(store.times(PRUNING))
        now = markers[marker]  # by the store's clock, like all times that it is compared with
        for key, written in markers.items():
            if now - written > STALE:
                store.delete(key)  # of a prune that was killed
        first = _plan(store, keep, now - age)
        if first.releases or first.objects:
            store.write(marker, _to_json(first.releases, first.objects))
            second = _plan(store, keep, now - age)
            return _delete(store, first.releases & second.releases, first.objects & second.objects, second.notes)
        return Pruned([], 0, first.notes)
    finally:
        store.delete(marker)


def _to_json(releases: set[str], objects: set[str]) -> bytes:
    return json.dumps({"releases": sorted(releases), "objects": sorted(objects)}, indent=1).encode()


def _plan(store: Store, keep: int, before: datetime) -> _Plan:
    """What may be deleted, of everything that was written before this time."""
    # List the objects first: the objects of a release that is stored between the two listings are then absent or used.
    objects = {key.removeprefix(OBJECTS) for key, written in store.times(OBJECTS) if written < before}
    rows = list_releases(store)
    unreadable = [row for row in rows if row.manifest is None]
    old = [row for row in rows if row.manifest is not None][keep:]
    needed = {row.release for row in rows if row.live or row.previous or row.of_model_before}
    needed |= held_in_indexes(store)
    deleted = {row.release for row in old if row.stored_at < before} - needed
    used = {name for row in rows if row.release not in deleted for name in _named(row)}
    notes = [f"{row.release} stays, because it cannot be read: {row.problem}" for row in unreadable]
    if damaged := [row.release for row in unreadable if not _is_json(row.data)]:
        notes.append(f"all objects stay, because it is unknown which of them {', '.join(damaged)} needs")
        objects = set()
    return _Plan(deleted, objects - used, notes)


def _named(row: StoredRelease) -> set[str]:
    if row.manifest is not None:
        return {entry.sha256 for entry in row.manifest.files()}
    return {name.decode().lower() for name in _SHA256.findall(row.data)}


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _delete(store: Store, releases: set[str], objects: set[str], notes: list[str]) -> Pruned:
    end = time.monotonic() + _MOST_SECONDS
    gone: list[str] = []
    for release in sorted(releases, reverse=True):
        # The manifest first: then no one can load a release whose objects are being deleted.
        store.delete(manifest_key(release))
        for key in list(store.keys(f"{RELEASES}{release}/")):
            store.delete(key)
        gone.append(release)
    for count, name in enumerate(sorted(objects)):
        if time.monotonic() > end:
            return Pruned(gone, count, [*notes, f"stopped after {count} of {len(objects)} objects; run it again"])
        store.delete(OBJECTS + name)
    return Pruned(gone, len(objects), notes)
