"""Where applying the log begins: which release changes are applied to, and which of them count for it."""

import json
import logging
from collections.abc import Sequence

from lambda_app.catalogue.changes import Entry, Revert
from lambda_app.catalogue.draft import effective
from lambda_app.catalogue.log import entries, first_since
from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError
from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest
from lambda_app.store.contract import RELEASES, Store

log = logging.getLogger(__name__)
# Each is read from the store.
_MOST_ANCESTORS = 100


def contained(store: Store, manifest: Manifest) -> int:
    """The number of the last entry of the log that a release contains.

    A release that training made contains what was written before its snapshot; without a snapshot, nothing is known.
    """
    if manifest.parent is None and not manifest.changes_through and manifest.snapshot_at is not None:
        return first_since(store, manifest.snapshot_at)
    return manifest.changes_through


def begin(
    store: Store, manifest: Manifest, batch: Sequence[Entry], *, same_model: bool = False
) -> tuple[Manifest, list[Entry]]:
    """The release to begin with, and the entries to apply to it.

    A revert of entries that the release contains begins with a release that does not contain them: with the one that
    the revert names, and if that has another model, with an ancestor.

    Args:
        manifest: the release that lacks the entries of the batch.
        batch: entries of the log without a gap.
        same_model: whether the result must have the model of `manifest`.

    Raises:
        RefusedReleaseError: with `same_model`, if every release without the undone entries was deleted.
    """
    for entry in reversed(batch):
        for change in entry.lines:
            if isinstance(change, Revert) and change.through < manifest.changes_through <= change.undone:
                base = _without(store, manifest, change, same_model)
                if base is not None:
                    between = entries(store, contained(store, base), batch[0].number - 1)
                    return base, list(effective([*between, *batch]))
                if same_model:
                    raise RefusedReleaseError(
                        f"{manifest.release} contains changes that a rollback undid later (entry {entry.number} of the "
                        "log), and no release that it was made from is stored without them"
                    )
                # A rollback made sure that there is one. If it was deleted since, the changes stay.
                log.warning("%s keeps changes that entry %d undoes", manifest.release, entry.number)
    return manifest, list(effective(batch))


def ancestors(store: Store, manifest: Manifest, most: int) -> list[Manifest]:
    """The stored releases that a release was made from by changes of the catalogue, latest first."""
    found: list[Manifest] = []
    while manifest.parent is not None and len(found) < most:
        parent = _stored(store, manifest.parent)
        if parent is None:
            break
        found.append(manifest := parent)
    return found


def comes_from(store: Store, release: str, other: str) -> bool:
    """Whether a stored release is the other one, or was made from it by changes of the catalogue."""
    if release == other:
        return True
    manifest = _stored(store, release)
    return manifest is not None and any(one.release == other for one in ancestors(store, manifest, _MOST_ANCESTORS))


def replayed(store: Store, manifest: Manifest) -> Manifest | None:
    """The release that was made last by applying the log to another one, see `note_replayed`; None if there is none."""
    try:
        note = json.loads(store.read(_replayed_key(manifest)))
    except MissingObjectError:
        return None
    return _stored(store, note["release"])


def note_replayed(store: Store, manifest: Manifest, made: Manifest) -> None:
    """Write beside a release which one was made from it so far, so that applying a long log goes on there."""
    store.write(_replayed_key(manifest), json.dumps({"release": made.release}).encode())


def _replayed_key(manifest: Manifest) -> str:
    return f"{RELEASES}{manifest.release}/replayed.json"


def _without(store: Store, manifest: Manifest, change: Revert, same_model: bool) -> Manifest | None:
    named = _stored(store, change.release)
    if named is not None and (not same_model or named.model.sha256 == manifest.model.sha256):
        return named
    older = ancestors(store, manifest, manifest.changes_through)  # each has applied an entry at least
    return next((one for one in older if one.changes_through <= change.through), None) if same_model else None


def _stored(store: Store, release: str) -> Manifest | None:
    try:
        return read_manifest(store.read(f"{RELEASES}{release}/{MANIFEST}"))
    except (MissingObjectError, ReleaseError):
        return None
