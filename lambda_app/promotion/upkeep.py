"""The releases that a store holds: list them, delete the old ones."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from lambda_app.errors import MissingObjectError
from lambda_app.promotion.promotion import manifest_key, quality, stored_manifest
from lambda_app.release.manifest import MANIFEST, Manifest
from lambda_app.store.contract import OBJECTS, RELEASES, Store


@dataclass(frozen=True)
class StoredRelease:
    """A row of `scripts/releases list`."""

    manifest: Manifest
    live: bool
    previous: bool

    @property
    def figures(self) -> dict[str, float]:
        """Test accuracy and recall@4, where measured."""
        return quality(self.manifest)


def list_releases(store: Store) -> list[StoredRelease]:
    """Every stored release, newest first."""
    try:
        live = store.read_pointer()
    except MissingObjectError:
        live = None
    pointer = live.pointer if live is not None else None
    ids = {PurePosixPath(key).parts[1] for key in store.keys(RELEASES) if key.endswith(f"/{MANIFEST}")}
    manifests = sorted((stored_manifest(store, release) for release in ids), key=lambda m: m.created_at, reverse=True)
    return [
        StoredRelease(
            manifest,
            live=pointer is not None and manifest.release == pointer.release,
            previous=pointer is not None and manifest.release == pointer.previous,
        )
        for manifest in manifests
    ]


def prune(store: Store, keep: int) -> list[str]:
    """Delete all but the newest `keep` releases; the live one and the one before it always stay.

    Objects that no remaining release names go too.

    Returns:
        The ids of the releases deleted.
    """
    releases = list_releases(store)
    doomed = [row for row in releases[keep:] if not (row.live or row.previous)]
    stay = [row for row in releases if row not in doomed]
    for row in doomed:
        # The manifest first: without it nothing can load what is about to lose its objects.
        store.delete(manifest_key(row.manifest.release))
        for key in list(store.keys(f"{RELEASES}{row.manifest.release}/")):
            store.delete(key)
    named = {entry.sha256 for row in stay for entry in row.manifest.files()}
    for key in list(store.keys(OBJECTS)):
        if key.removeprefix(OBJECTS) not in named:
            store.delete(key)
    return [row.manifest.release for row in doomed]
