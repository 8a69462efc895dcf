"""How a release goes live: unpack, verify, replay its smoke cases, store it, move the pointer.

Used by the promoter Lambda and by operators' commands alike. Every step can be repeated: objects and manifests are
written once, and the pointer moves by a conditional write, so that a repeated or concurrent drop changes nothing twice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from lambda_app.errors import MissingObjectError, PointerConflictError, RefusedReleaseError, ReleaseError
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.promotion.trial import try_release
from lambda_app.release.archive import REPORT, ArchiveLimits, unpack
from lambda_app.release.manifest import MANIFEST, FileEntry, Manifest, Pointer, read_manifest, verify_file
from lambda_app.settings import Settings
from lambda_app.store.contract import OBJECTS, RELEASES, LivePointer, Store

QUALITY_FLOOR = 0.03
_POINTER_TRIES = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Promotion:
    """What became of a release.

    Attributes:
        outcome: "live": it answers now. "already live": it did before. "superseded": stored, but a later one was
            promoted already.
        detail: the same in words.
    """

    release: str
    outcome: Literal["live", "already live", "superseded"]
    detail: str


def promote_archive(
    store: Store, archive: Path, settings: Settings, limits: ArchiveLimits = ArchiveLimits()
) -> Promotion:
    """Take a release archive into the store and make it live if it is newer than every release promoted so far.

    Raises:
        ReleaseError: the archive or a file in it is not sound, or an object that it relies on is nowhere.
        RefusedReleaseError: sound, but it fails its smoke cases, or its test accuracy or recall@4 lies more than
            3 points under the live release's and its manifest does not say `force`.
        StoreError: the store or the scratch disk failed; another try may succeed.
    """
    with scratch_folder("drop") as scratch:
        manifest = unpack(archive, scratch, limits)
        return promote_unpacked(store, scratch, manifest, settings)


def promote_unpacked(store: Store, folder: Path, manifest: Manifest, settings: Settings) -> Promotion:
    """As `promote_archive`, from the folder that the archive was unpacked into."""
    # Judged early, before files are read and a network is loaded; and again against the pointer that is moved.
    live = _live(store)
    if _is_newer(manifest, live):
        _check_floor(store, live, manifest)
    check_release(manifest, lambda entry: located(store, folder, entry), settings)
    _store_release(store, folder, manifest)
    return _move_forward(store, manifest)


def promote_stored(store: Store, release: str, settings: Settings) -> Promotion:
    """Make a stored release live, whatever its age and quality: an operator's decision.

    Raises:
        MissingObjectError: no such release.
        ReleaseError: it does not verify, load or pass its smoke cases.
    """
    manifest = stored_manifest(store, release)
    check_release(manifest, store.local_file, settings)
    for _ in range(_POINTER_TRIES):
        live = _live(store)
        if live is not None and live.pointer.release == release:
            return Promotion(release, "already live", f"{release} is live already")
        try:
            _point_to(store, manifest, live)
        except PointerConflictError:
            continue
        return Promotion(release, "live", f"{release} is live")
    raise PointerConflictError(f"the pointer of {store} moved {_POINTER_TRIES} times while {release} was promoted")


def rollback(store: Store, settings: Settings) -> Promotion:
    """Make the release that was live before the present one live again.

    Raises:
        MissingObjectError: nothing is live.
        RefusedReleaseError: there is no previous release.
    """
    live = store.read_pointer()
    if live is None or live.pointer.previous is None:
        raise RefusedReleaseError(f"{store} has no previous release to go back to")
    return promote_stored(store, live.pointer.previous, settings)


def stored_manifest(store: Store, release: str) -> Manifest:
    """The manifest of a stored release.

    Raises:
        MissingObjectError: no such release.
    """
    return read_manifest(store.read(manifest_key(release)))


def manifest_key(release: str) -> str:
    """Where a release's manifest is stored."""
    return f"{RELEASES}{release}/{MANIFEST}"


def check_release(manifest: Manifest, locate: Callable[[FileEntry], Path], settings: Settings) -> None:
    """Verify every file, then try the release in a process of its own: `trial` says what it must pass.

    Raises:
        ReleaseError: a file is not what the manifest says, or the parts disagree.
        RefusedReleaseError: it has no smoke case, fails one, or does not answer the canary.
        TrialError: the trial could not be run.
    """
    if not manifest.smoke:
        raise RefusedReleaseError(
            f'{manifest.release} has no smoke case ("smoke" is empty); a release carries at least one photo with its '
            "known answer"
        )
    for entry in manifest.files():
        verify_file(locate(entry), entry)
    cost = try_release(manifest, locate, settings)
    log.info("%s passed its trial in %.0f ms with %.0f MB", manifest.release, cost.milliseconds, cost.megabytes)


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


def _live(store: Store) -> LivePointer | None:
    try:
        return store.read_pointer()
    except MissingObjectError:
        return None


def _is_newer(manifest: Manifest, live: LivePointer | None) -> bool:
    """Whether the release was created after every one promoted so far."""
    return live is None or manifest.created_at > live.pointer.high_water


def _check_floor(store: Store, live: LivePointer | None, manifest: Manifest) -> None:
    """Compare the figures with those of the release that `live`, just read, points to."""
    if live is None or manifest.force:
        return
    present = stored_manifest(store, live.pointer.release)
    for name, figure in quality(present).items():
        new = quality(manifest).get(name)
        if new is not None and new < figure - QUALITY_FLOOR:
            raise RefusedReleaseError(
                f"{manifest.release} has test {name} {new:.3f}; the live {present.release} has {figure:.3f}, and a "
                f'release may lie at most {QUALITY_FLOOR:.2f} under it unless its manifest says "force": true'
            )


def quality(manifest: Manifest) -> dict[str, float]:
    """The figures that the quality floor looks at: test accuracy and recall@4 by the embedding, where measured."""
    test = manifest.evaluation.get("test") or {}
    retrieval = (test.get("retrieval") or {}).get("embedding") or {}
    figures = {"accuracy": test.get("accuracy"), "recall@4": retrieval.get("recall@4")}
    return {name: float(value) for name, value in figures.items() if isinstance(value, int | float)}


def _store_release(store: Store, folder: Path, manifest: Manifest) -> None:
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


def _move_forward(store: Store, manifest: Manifest) -> Promotion:
    """Move the pointer by the event rule: only to a release created after every one promoted so far."""
    release = manifest.release
    for _ in range(_POINTER_TRIES):
        live = _live(store)
        if live is not None and live.pointer.release == release:
            return Promotion(release, "already live", f"{release} is live already")
        if live is not None and not _is_newer(manifest, live):
            detail = (
                f"{release} (created {manifest.created_at.isoformat()}) is stored but not live: a release created at "
                f"{live.pointer.high_water.isoformat()} was promoted before; live is {live.pointer.release}"
            )
            log.info(detail)
            return Promotion(release, "superseded", detail)
        # The release that won a race sets the floor: judged against the very pointer that the write names.
        _check_floor(store, live, manifest)
        try:
            _point_to(store, manifest, live)
        except PointerConflictError:
            continue
        return Promotion(release, "live", f"{release} is live")
    raise PointerConflictError(f"the pointer of {store} moved {_POINTER_TRIES} times while {release} was promoted")


def _point_to(store: Store, manifest: Manifest, live: LivePointer | None) -> None:
    high_water = manifest.created_at if live is None else max(manifest.created_at, live.pointer.high_water)
    pointer = Pointer(
        release=manifest.release,
        manifest_sha256=sha256(store.read(manifest_key(manifest.release))).hexdigest(),
        previous=live.pointer.release if live is not None else None,
        promoted_at=datetime.now(UTC),
        high_water=high_water,
    )
    store.write_pointer(pointer, live.version if live is not None else None)
