"""Applies the log of changes: makes a release of segments from the live one, and makes it live.

The log is the truth, so each step may be repeated: a release holds which entries it contains, and it goes live only in
place of the release that it was made from. Whoever loses a race for the pointer applies the changes again to what is
live then; photos that were embedded are not embedded again.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

from lambda_app.catalogue.beginning import begin, comes_from, contained, note_replayed, replayed
from lambda_app.catalogue.building import build, opened, successor
from lambda_app.catalogue.changes import Entry, Revert
from lambda_app.catalogue.derived.reference import Followed, followed
from lambda_app.catalogue.derived.smoke_cases import renewed
from lambda_app.catalogue.draft import Draft
from lambda_app.catalogue.embedding import Embedded, LazyModel, embedded
from lambda_app.catalogue.ingested import Ingested
from lambda_app.catalogue.log import append, last_number, next_entries
from lambda_app.catalogue.new_photos import NewPhotos
from lambda_app.catalogue.rejections import note_rejections
from lambda_app.catalogue.vectors.ready import SecondsLeft, bring_index
from lambda_app.errors import PointerConflictError, UnfinishedError
from lambda_app.model.session import Model
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.promotion.stored import store_release, stored_manifest
from lambda_app.promotion.succession import Clock, before_changed, live_release, move_pointer, utc_now
from lambda_app.release.entries import FileEntry
from lambda_app.release.manifest import MANIFEST, Manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import LivePointer, Store

log = logging.getLogger(__name__)
_POINTER_TRIES = 20


@dataclass
class _Work:
    """What stays between tries.

    Attributes:
        photos: embedded photos, by the sha256 of the model.
        files: verified local paths, by sha256.
    """

    store: Store
    settings: Settings
    now: Clock
    photos: dict[str, NewPhotos] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def file(self, entry: FileEntry) -> Path:
        if entry.sha256 not in self.files:
            self.files[entry.sha256] = self.store.local_file(entry)
        return self.files[entry.sha256]

    def new_photos(self, manifest: Manifest, model: LazyModel) -> NewPhotos:
        def embed(keys: Sequence[str]) -> Iterable[Embedded | str]:
            if not keys:
                return []  # so that the model stays closed
            limits = self.settings.photo_limits
            return embedded(keys, self.store, model.get(), manifest.preprocessing, limits)

        return self.photos.setdefault(manifest.model.sha256, NewPhotos(embed))


def always() -> bool:
    """There is time for more, as in a command."""
    return True


def apply_changes(
    store: Store,
    settings: Settings,
    now: Clock = utc_now,
    go_on: Callable[[], bool] = always,
    seconds_left: SecondsLeft | None = None,
) -> Ingested:
    """Apply what the log has after the entries of the live release, and make the result live.

    A long log becomes several releases, one after the other.

    Args:
        go_on: whether there is time for another one, after the first.
        seconds_left: the time in which an index of S3 Vectors may be changed; None: no limit.

    Raises:
        RefusedReleaseError: nothing is live, or there is no time to bring an index of S3 Vectors to the changes.
        PointerConflictError: others moved the pointer again and again.
        StoreError: the store does not answer; another call goes on where this one ended.
    """
    work = _Work(store, settings, now)
    applied = rejected = lost = 0
    while lost < _POINTER_TRIES:
        live = live_release(store)
        manifest = stored_manifest(store, live.pointer.release)
        batch = next_entries(store, manifest.changes_through)
        if not batch:
            # Who lost a race for the pointer may have brought the index to a release that did not go live.
            bring_index(store, manifest, settings, seconds_left)
            return Ingested(manifest.release, manifest.changes_through, applied, rejected)
        with scratch_folder("changes") as folder:
            made, draft = _made(work, manifest, batch, folder)
            store_release(store, folder, made)
            note_rejections(store, draft.rejections, now())
            bring_index(store, made, settings, seconds_left)
            try:
                move_pointer(store, made, live, now, before_changed(live, manifest, made))
            except PointerConflictError:
                lost += 1
                continue
        applied, rejected = applied + draft.applied, rejected + len(draft.rejections)
        if not go_on() and last_number(store, made.changes_through) > made.changes_through:
            return Ingested(made.release, made.changes_through, applied, rejected, finished=False)
    raise PointerConflictError(f"the pointer of {store} moved {_POINTER_TRIES} times while changes were applied")


def with_changes(
    store: Store,
    manifest: Manifest,
    settings: Settings,
    folder: Path,
    now: Clock = utc_now,
    go_on: Callable[[], bool] = always,
) -> Manifest | None:
    """A stored release with the changes that it lacks, which is stored too; None if it lacks none.

    Of a release that training made, these are the changes since an hour before its `snapshot_at`, because clocks
    differ; without a snapshot, all of them. A long log is applied in parts, and the next call goes on after the last.

    Args:
        folder: an empty folder.
        go_on: whether there is time for another part.

    Raises:
        UnfinishedError: there was no time for all parts.
        RefusedReleaseError, StoreError: as `apply_changes`.
    """
    if not last_number(store, 0):
        return None
    work, known = _Work(store, settings, now), replayed(store, manifest)
    if known is not None and not comes_from(store, known.release, manifest.release):
        known = None  # releases between both were deleted, and a rollback may need them
    made, after, part = known or manifest, contained(store, known or manifest), 0
    while True:
        batch = next_entries(store, after)
        if not batch and after == made.changes_through:
            return made if made.release != manifest.release else None
        if part and not go_on():
            raise UnfinishedError(f"{manifest.release} has the log up to entry {after} so far, and more follow")
        (place := folder / str(part)).mkdir()
        made, draft = _made(work, made, batch, place, through=after, same_model=True)
        store_release(store, place, made)
        note_replayed(store, manifest, made)
        for rejection in draft.rejections:  # `rejected/` has what was rejected when the change came
            log.info("not applied to %s: entry %d, line %d: %s", manifest.release, *astuple(rejection))
        after, part = made.changes_through, part + 1


def replaying(
    store: Store,
    settings: Settings,
    now: Clock,
    go_on: Callable[[], bool] = always,
    seconds_left: SecondsLeft | None = None,
) -> Callable[[Manifest], Manifest]:
    """A function that returns `with_changes` of a stored release, or the release itself if it lacks none.

    If it is searched in S3 Vectors, its index is brought to it.
    """

    def replay(manifest: Manifest) -> Manifest:
        with scratch_folder("changes") as folder:
            made = with_changes(store, manifest, settings, folder, now, go_on) or manifest
        bring_index(store, made, settings, seconds_left)
        return made

    return replay


def reverted(store: Store, target: Manifest, live: LivePointer, now: Clock = utc_now) -> Manifest:
    """The release that a rollback to `target` makes live: it says that the changes since then do not count.

    Without such changes, it is `target` itself.

    Raises:
        PointerConflictError: another release than `live` is live by now; nothing was written.
    """
    last = last_number(store, target.changes_through)
    if (found := live_release(store)).version != live.version:
        raise PointerConflictError(
            f"{found.pointer.release} went live while the rollback from {live.pointer.release} was checked; nothing is "
            "changed, try again"
        )
    if last <= target.changes_through:
        return target
    moment = now()
    change = Revert(release=target.release, through=target.changes_through, undone=last)
    (number,) = append(store, [change], "rollback", str(uuid.uuid4()), moment)
    with scratch_folder("changes") as folder:
        # Entries between, of another writer at the same moment, count: they are applied as the next changes.
        made = successor(target, number if number == last + 1 else last, moment)
        (folder / MANIFEST).write_bytes(made.to_json())
        store_release(store, folder, made)
    return made


def _made(
    work: _Work,
    manifest: Manifest,
    batch: Sequence[Entry],
    folder: Path,
    through: int = 0,
    same_model: bool = False,
) -> tuple[Manifest, Draft]:
    """Write a release with the changes of these entries to a folder."""
    base_manifest, left = begin(work.store, manifest, batch, same_model=same_model)
    base = opened(base_manifest, work.file)
    draft = Draft(base.catalog, base_manifest.categories)
    model = LazyModel(lambda: Model(work.file(base_manifest.model), threads=work.settings.threads))
    try:
        for entry in left:
            draft.apply(entry)
        photos = work.new_photos(base_manifest, model).of(draft)
        last = batch[-1].number if batch else through
        made = build(base, draft, photos, folder, last, work.now())
    finally:
        base.catalog.close()
    return _with_smoke(work, made, folder, model, followed(draft, photos)), draft


def _with_smoke(work: _Work, made: Manifest, folder: Path, model: LazyModel, changed: Followed) -> Manifest:
    """The release with smoke cases whose neighbours it has, and with the reference of its catalogue.

    It is opened for that as serving opens it, which shows that its parts fit each other.
    """
    after = opened(made, lambda entry: folder / entry.file if (folder / entry.file).exists() else work.file(entry))
    try:
        cases = renewed(made, after, model)
        reference = changed.reference(made, after)
    finally:
        after.catalog.close()
    if (cases, reference) != (made.smoke, made.reference):
        made = made.model_copy(update={"smoke": cases, "reference": reference})
        (folder / MANIFEST).write_bytes(made.to_json())
    return made
