"""How a release goes live: unpack, verify, replay its smoke cases, store it, move the pointer.

Used by the promoter Lambda and by operators' commands alike. Every step can be repeated: objects and manifests are
written once, and the pointer moves by a conditional write, so that a repeated or concurrent drop changes nothing twice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lambda_app.catalogue.beginning import comes_from
from lambda_app.catalogue.vectors.ready import SecondsLeft, bring_index, check_bucket
from lambda_app.catalogue.vectors.restoring import index_kept, restore_index
from lambda_app.errors import MissingObjectError, PointerConflictError, RefusedReleaseError, StoreError
from lambda_app.promotion.floor import check_floor, figures
from lambda_app.promotion.ingest import always, apply_changes, replaying, reverted
from lambda_app.promotion.refusal import refusing
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.promotion.stored import (
    check_report,
    confirm_stored,
    located,
    manifest_key,
    note_force,
    renew,
    store_release,
    stored_manifest,
)
from lambda_app.promotion.succession import (
    Clock,
    before_next,
    check_clock,
    history,
    is_newer,
    live_pointer,
    point_to,
    threshold,
    utc_now,
)
from lambda_app.promotion.trial import check_release
from lambda_app.promotion.words import is_live, is_live_again, is_live_already, to_seconds, with_figures
from lambda_app.release.archive import ArchiveLimits, unpack
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import Store

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
    store: Store,
    archive: Path,
    settings: Settings,
    limits: ArchiveLimits = ArchiveLimits(),
    now: Clock = utc_now,
    go_on: Callable[[], bool] = always,
    seconds_left: SecondsLeft | None = None,
) -> Promotion:
    """Take a release archive into the store and make it live if it is newer than every release promoted so far.

    `go_on`: whether there is time for more changes of the log, see `with_changes`. `seconds_left`: the time in which an
    index of S3 Vectors may be filled; None: no limit.

    Raises:
        ReleaseError: the archive or a file in it is not sound, or an object that it relies on is nowhere.
        RefusedReleaseError: sound, but it fails its trial, there is no time to fill its index of S3 Vectors, or it lies
            below the floor that the live release sets (`floor.py`) and its manifest does not say `force`.
        UnfinishedError: there was no time for all changes of the log; another try goes on.
        StoreError: the store or the scratch disk failed; another try may succeed.
    """
    with scratch_folder("drop") as scratch:
        with refusing(archive.name):
            manifest = unpack(archive, scratch, limits)
        return promote_unpacked(store, scratch, manifest, settings, now, go_on=go_on, seconds_left=seconds_left)


def promote_unpacked(
    store: Store,
    folder: Path,
    manifest: Manifest,
    settings: Settings,
    now: Clock = utc_now,
    force: bool = False,
    go_on: Callable[[], bool] = always,
    seconds_left: SecondsLeft | None = None,
) -> Promotion:
    """As `promote_archive`, from the folder that the archive was unpacked into. `force`: as if its manifest said so."""
    force = force or manifest.force
    with index_kept(store, settings, seconds_left):
        _check(store, folder, manifest, settings, now, force)
        done = go_live(store, folder, manifest, now, force, replaying(store, settings, now, go_on, seconds_left))
    if done.outcome != "live":
        restore_index(store, settings, seconds_left)
    return done


def _check(store: Store, folder: Path, manifest: Manifest, settings: Settings, now: Clock, force: bool) -> None:
    """Check a release before it is stored."""
    figures(manifest)
    check_clock(manifest, now())
    # Judged early, before files are read and a network is loaded; and again against the pointer that is moved.
    live = live_pointer(store)
    if is_newer(manifest.created_at, live, now()):
        check_floor(store, live, manifest, force)
        check_bucket(manifest, settings)
    with refusing(manifest.release):
        check_report(folder)
        check_release(manifest, lambda entry: located(store, folder, entry), settings)


def promote_stored(store: Store, release: str, settings: Settings, now: Clock = utc_now) -> Promotion:
    """Make a stored release live, whatever its age and quality: an operator's decision.

    Events of what was created before this moment cannot undo it.

    Raises:
        MissingObjectError: no such release.
        ReleaseError: it does not verify, load or pass its smoke cases.
    """
    try:
        manifest = stored_manifest(store, release)
    except MissingObjectError as exc:
        raise MissingObjectError(
            f"{store} holds no release {release!r}; scripts/releases list shows the releases that it holds"
        ) from exc
    with refusing(release):
        check_release(manifest, store.local_file, settings)
    renew(store, release)
    replay = replaying(store, settings, now)
    with index_kept(store, settings):
        for _ in range(_POINTER_TRIES):
            live = live_pointer(store)
            if live is not None and live.pointer.release == release:
                return Promotion(release, "already live", f"{release} is live already")
            moment, target = now(), replay(manifest)
            try:
                confirm_stored(store, target)
                point_to(store, target, live, at_least=moment, before=before_next(live), now=moment)
            except PointerConflictError:
                continue
            return Promotion(target.release, "live", is_live(release, target.release))
        raise PointerConflictError(f"the pointer of {store} moved {_POINTER_TRIES} times while {release} was promoted")


def rollback(store: Store, settings: Settings, now: Clock = utc_now) -> Promotion:
    """Make the release that was live before the present one live again. Repeated, it goes back further.

    Releases that were pruned meanwhile are left out. Events of what was created before this moment cannot undo it.

    Raises:
        RefusedReleaseError: nothing is live, nothing was live before, or nothing of it is stored any more.
        PointerConflictError: another release went live at the same time; nothing is changed.
    """
    live, moment = live_pointer(store), now()
    if live is None:
        raise RefusedReleaseError(f"nothing is live in {store}, so there is nothing to go back from")
    known = history(live.pointer)
    before = tuple(release for release in known if store.exists(manifest_key(release)))
    if not before:
        pruned = f"; pruned: {', '.join(known)}" if known else ""
        raise RefusedReleaseError(
            f"{store} holds nothing that was live before {live.pointer.release}{pruned}. scripts/releases list shows "
            "the releases that it holds, and scripts/releases promote ID makes one of them live"
        )
    release = before[0]
    manifest = stored_manifest(store, release)
    with refusing(release):
        check_release(manifest, store.local_file, settings)
    renew(store, release)
    words = f"rolled back from {with_figures(store, live.pointer.release)} to {with_figures(store, release)}"
    target = reverted(store, manifest, live, now)
    through = target.changes_through
    with index_kept(store, settings):
        bring_index(store, target, settings)
        confirm_stored(store, target)
        try:
            point_to(store, target, live, at_least=moment, before=before[1:], now=moment, back=True)
        except PointerConflictError:
            # If the response to the write is lost, the write is sent again, and conflicts with the first one.
            if (found := live_pointer(store)) is None or found.pointer.release != target.release:
                if target is manifest:
                    raise
                # The log says already that the changes do not count, and it is applied to whatever is live.
                target_id = apply_changes(store, settings, now).release
                return Promotion(target_id, "live", f"{words}; {is_live_again(store, manifest, through, target_id)}")
    return Promotion(target.release, "live", f"{words}; {is_live_again(store, manifest, through, target.release)}")


def go_live(
    store: Store,
    folder: Path,
    manifest: Manifest,
    now: Clock = utc_now,
    force: bool = False,
    replay: Callable[[Manifest], Manifest] = lambda manifest: manifest,
) -> Promotion:
    """Store a release that passed its trial, and move the pointer if it was created after every one promoted so far.

    With `force`, whatever the comparison with the live release says. `replay` returns the stored release with the
    changes that it lacks, which goes live in its place.

    Each try stores what the store lacks, because a prune may have deleted a part since the try before.

    Raises:
        RefusedReleaseError: the id exists with another manifest, or a comparison with the live release fails.
        PointerConflictError: no try succeeded.
        StoreError: a running prune may delete a part of it.
    """
    release, lost = manifest.release, StoreError("none")
    for _ in range(_POINTER_TRIES):
        store_release(store, folder, manifest)
        live, moment = live_pointer(store), now()
        last = None if live is None else threshold(live.pointer, moment)
        late = last is not None and manifest.created_at <= last
        if live is not None and (
            release == live.pointer.release or (late and comes_from(store, live.pointer.release, release))
        ):
            return Promotion(live.pointer.release, "already live", is_live_already(release, live.pointer.release))
        if live is not None and last is not None and late:
            detail = (
                f"{release} (created {to_seconds(manifest.created_at)}) is stored but not live: "
                f"{live.pointer.release} is live, and only what was created after {to_seconds(last)} may follow it. "
                f"To make it live anyway, use scripts/releases promote {release}"
            )
            log.info(detail)
            return Promotion(release, "superseded", detail)
        # The release that won a race sets the floor: judged against the very pointer that the write names.
        forced = check_floor(store, live, manifest, force)
        note_force(store, manifest, forced, force)
        try:
            target = replay(manifest)
            confirm_stored(store, target)
            point_to(store, target, live, at_least=manifest.created_at, before=before_next(live), now=moment)
        except (PointerConflictError, MissingObjectError) as exc:
            lost = exc
            continue
        return Promotion(target.release, "live", is_live(release, target.release) + (f", {forced}" if forced else ""))
    raise PointerConflictError(f"{release} could not go live in {_POINTER_TRIES} tries; the last: {lost}") from lost
