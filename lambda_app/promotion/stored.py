"""What the store holds of a release: objects by sha256, the manifest, the report, the note of force."""

import json
import logging
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError, StoreError
from lambda_app.release.archive import REPORT
from lambda_app.release.manifest import MANIFEST, FileEntry, Manifest, read_manifest
from lambda_app.store.contract import OBJECTS, RELEASES, Store

FORCED = "forced.json"
# A running prune writes here what it is about to delete. A killed prune leaves its file behind.
PRUNING = f"{RELEASES}pruning/"
STALE = timedelta(hours=1)
_REPORT_NAME_BYTES = 500

log = logging.getLogger(__name__)


def stored_manifest(store: Store, release: str) -> Manifest:
    """The manifest of a stored release.

    Raises:
        MissingObjectError: no such release.
    """
    return read_manifest(store.read(manifest_key(release)))


def manifest_sha256(store: Store, release: str) -> str:
    """The digest of a stored release's manifest, as the pointer holds it.

    Raises:
        MissingObjectError: no such release.
    """
    return sha256(store.read(manifest_key(release))).hexdigest()


def manifest_key(release: str) -> str:
    """Where a release's manifest is stored."""
    return f"{RELEASES}{release}/{MANIFEST}"


def forced_key(release: str) -> str:
    """Key of the note that says which checks `force` skipped."""
    return f"{RELEASES}{release}/{FORCED}"


def located(store: Store, folder: Path, entry: FileEntry) -> Path:
    """The file in the unpacked archive; if it was left out, the object that the store holds already.

    Raises:
        ReleaseError: neither has it.
    """
    path = folder / entry.file
    if path.exists():
        return path
    try:
        return store.local_file(entry)
    except MissingObjectError as exc:
        raise ReleaseError(f"the archive leaves {entry.file} out, and the store does not hold {entry.sha256}") from exc


def check_report(folder: Path) -> None:
    """Check that the name of every report file is valid in every store.

    Raises:
        ReleaseError: a name is not printable, or is longer than the limit.
    """
    for path in (folder / REPORT).rglob("*"):
        name = path.relative_to(folder).as_posix()
        if not name.isprintable() or len(name.encode(errors="replace")) > _REPORT_NAME_BYTES:
            raise ReleaseError(
                f"{name[:100]!r} is not a valid name in {REPORT}/: at most {_REPORT_NAME_BYTES} bytes, all printable"
            )


def store_release(store: Store, folder: Path, manifest: Manifest) -> None:
    """Objects first, the manifest last: a release that has a manifest is whole."""
    # The bytes as dropped: a newer writer's keys, which this code does not know, stay.
    key, data = manifest_key(manifest.release), (folder / MANIFEST).read_bytes()
    if store.exists(key) and store.read(key) != data:
        raise RefusedReleaseError(f"{key} exists with other content; a release is immutable, give this one a new id")
    for entry in manifest.files():
        path = folder / entry.file
        if path.exists() and not store.exists(OBJECTS + entry.sha256):
            store.upload(OBJECTS + entry.sha256, path)
    for path in sorted((folder / REPORT).rglob("*")):
        if path.is_file():
            store.upload(f"{RELEASES}{manifest.release}/{path.relative_to(folder).as_posix()}", path)
    store.write(key, data)


def renew(store: Store, release: str) -> None:
    """Write the manifest of a stored release again, unchanged, so that a prune that starts now treats it as new.

    Raises:
        MissingObjectError: no such release.
    """
    store.write(manifest_key(release), store.read(manifest_key(release)))


def note_force(store: Store, manifest: Manifest, forced: str | None, force: bool) -> None:
    """Write the note about `force` next to the manifest. Call it before the release goes live, so that it has one."""
    key = forced_key(manifest.release)
    if forced is not None:
        log.warning("%s is %s", manifest.release, forced)
    elif not force or not store.exists(key):
        return
    # Null replaces the note of an earlier try: the promoter may write here, but not delete.
    store.write(key, json.dumps({"forced": forced}, indent=1).encode())


def confirm_stored(store: Store, manifest: Manifest) -> None:
    """Check, right before the pointer moves, that the release is complete and that no prune is about to delete a part.

    Call it after the manifest was written; `pruning.py` explains why.

    Raises:
        MissingObjectError: an object does not exist any more.
        StoreError: a running prune may delete a part of it; another try succeeds when the prune has ended.
    """
    needed = {manifest.release, *(entry.sha256 for entry in manifest.files())}
    for key, written in list(store.times(PRUNING)):
        named = needed & _named_in(store, key)
        # How long before the manifest the prune began, by the store's clock.
        if named and _written(store, manifest_key(manifest.release)) - written <= STALE:
            raise StoreError(
                f"a running prune of {store} may delete {min(named)}, which {manifest.release} needs; try again"
            )
    for entry in manifest.files():
        if not store.exists(OBJECTS + entry.sha256):
            raise MissingObjectError(
                f"{store} no longer holds {OBJECTS}{entry.sha256} ({entry.file}) of {manifest.release}: it was deleted "
                "while the release was promoted; try again"
            )


def _named_in(store: Store, marker: str) -> set[str]:
    try:
        names = json.loads(store.read(marker))
    except MissingObjectError:
        return set()  # the prune has ended
    return {*names["releases"], *names["objects"]}


def _written(store: Store, key: str) -> datetime:
    folder = key.rpartition("/")[0] + "/"
    found = dict(store.times(folder)).get(key)
    if found is None:
        raise MissingObjectError(f"{store} no longer holds {key}: it was deleted while it was promoted; try again")
    return found
