"""Management of the releases in a store: list them, delete old ones."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from lambda_app.errors import MissingObjectError
from lambda_app.promotion.floor import quality
from lambda_app.promotion.stored import forced_key, manifest_key, stored_manifest
from lambda_app.release.manifest import MANIFEST, Manifest
from lambda_app.store.contract import OBJECTS, RELEASES, Store


@dataclass(frozen=True)
class StoredRelease:
    """A stored release, as one row of `scripts/releases list`.

    Attributes:
        live: whether this release is live.
        previous: whether it was live directly before the live one.
        forced: what it was forced past when it went live, in words; None if it needed no force.
    """

    manifest: Manifest
    live: bool
    previous: bool
    forced: str | None = None

    @property
    def figures(self) -> dict[str, float]:
        """Test accuracy and recall@4, if they were measured."""
        return quality(self.manifest)


def list_releases(store: Store) -> list[StoredRelease]:
    """All stored releases, newest first."""
    try:
        live = store.read_pointer()
    except MissingObjectError:
        live = None
    pointer = live.pointer if live is not None else None
    keys = set(store.keys(RELEASES))
    ids = {PurePosixPath(key).parts[1] for key in keys if key.endswith(f"/{MANIFEST}")}
    manifests = sorted((stored_manifest(store, release) for release in ids), key=lambda m: m.created_at, reverse=True)
    return [
        StoredRelease(
            manifest,
            live=pointer is not None and manifest.release == pointer.release,
            previous=pointer is not None and manifest.release == pointer.previous,
            forced=_forced(store, manifest.release) if forced_key(manifest.release) in keys else None,
        )
        for manifest in manifests
    ]


def _forced(store: Store, release: str) -> str | None:
    try:
        words = json.loads(store.read(forced_key(release)))["forced"]
    except (MissingObjectError, ValueError, KeyError, TypeError):
        return None
    return str(words) if words else None


def prune(store: Store, keep: int) -> list[str]:
    """Delete old releases, and all objects that no remaining release uses.

    Args:
        keep: number of newest releases to keep. The live release and the previous one are always kept too.

    Returns:
        The ids of the deleted releases.
    """
    releases = list_releases(store)
    deleted = [row for row in releases[keep:] if not (row.live or row.previous)]
    kept = [row for row in releases if row not in deleted]
    for row in deleted:
        # Delete the manifest first: then no one can load a release whose objects are being deleted.
        store.delete(manifest_key(row.manifest.release))
        for key in list(store.keys(f"{RELEASES}{row.manifest.release}/")):
            store.delete(key)
    used = {entry.sha256 for row in kept for entry in row.manifest.files()}
    for key in list(store.keys(OBJECTS)):
        if key.removeprefix(OBJECTS) not in used:
            store.delete(key)
    return [row.manifest.release for row in deleted]
