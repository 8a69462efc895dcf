"""The rules of time for promotion, and the history of live releases.

Times come from two clocks: that of the training job, in the manifest, and that of the process that moves the pointer.
Both can be wrong. A time more than an hour in the future is ignored.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lambda_app.errors import MissingObjectError, PointerConflictError, RefusedReleaseError, ReleaseError
from lambda_app.promotion.stored import confirm_stored, manifest_sha256, stored_manifest
from lambda_app.release.manifest import LastOfModel, Manifest, Pointer
from lambda_app.store.contract import LivePointer, Store

AHEAD = timedelta(hours=1)
HISTORY = 20
OTHER_MODELS = 10
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


def check_clock(manifest: Manifest, now: datetime) -> None:
    """Check that a release was not created in the future.

    Raises:
        RefusedReleaseError: `created_at` lies more than an hour ahead of `now`.
    """
    if manifest.created_at > now + AHEAD:
        raise RefusedReleaseError(
            f"{manifest.release} says it was created at {manifest.created_at.isoformat()}; now it is "
            f"{now.isoformat(timespec='seconds')}, and at most one hour ahead is accepted. The clock of the machine "
            "that made it is wrong"
        )


def threshold(pointer: Pointer, now: datetime) -> datetime | None:
    """The moment after which a release must be created to go live by an event; None if the pointer knows none.

    A `high_water` in the future comes from a wrong clock, accepted by older code. It must not block all that follows,
    so the moment of promotion takes its place.
    """
    moments = (pointer.high_water, pointer.promoted_at)
    return next((moment for moment in moments if moment <= now + AHEAD), None)


def is_newer(created_at: datetime, live: LivePointer | None, now: datetime) -> bool:
    """Whether a release created at that time may go live by an event."""
    known = None if live is None else threshold(live.pointer, now)
    return known is None or created_at > known


def history(pointer: Pointer) -> tuple[str, ...]:
    """The releases that were live before, latest first. Older code wrote `previous` alone."""
    return pointer.history or (() if pointer.previous is None else (pointer.previous,))


def point_to(
    store: Store,
    made: Manifest,
    live: LivePointer | None,
    *,
    at_least: datetime,
    before: tuple[str, ...],
    now: datetime,
    back: bool = False,
) -> None:
    """Move the pointer to a stored release.

    Args:
        store: where the release is.
        made: the release.
        live: the pointer as it was read.
        at_least: `high_water` becomes this moment, or stays if it is later.
        before: the releases that were live before this one, latest first.
        now: the moment of the move.
        back: whether this is a rollback.

    Raises:
        PointerConflictError: the pointer is no longer what `live` says.
    """
    known = None if live is None else threshold(live.pointer, now)
    pointer = Pointer(
        release=made.release,
        manifest_sha256=manifest_sha256(store, made.release),
        previous=before[0] if before else None,
        history=before[:HISTORY],
        other_models=() if live is None else _models_after(store, live.pointer, made, back),
        promoted_at=now,
        high_water=at_least if known is None else max(at_least, known),
    )
    store.write_pointer(pointer, live.version if live is not None else None)


def before_next(live: LivePointer | None) -> tuple[str, ...]:
    """The history of a release that follows the live one."""
    return () if live is None else (live.pointer.release, *history(live.pointer))[:HISTORY]


def same_answers(one: Manifest, other: Manifest) -> bool:
    """Whether two releases have the same model, catalogue and engine, in the same files."""
    return (one.model, one.all_segments, one.dead, one.engine) == (
        other.model,
        other.all_segments,
        other.dead,
        other.engine,
    )


def before_changed(live: LivePointer, manifest: Manifest, made: Manifest) -> tuple[str, ...]:
    """The history of a release that has changes of the log and takes the place of the live one.

    A rollback goes back to another catalogue. So if no change could be applied, the live one is left out of it.

    Args:
        live: the pointer as it was read.
        manifest: of the live release.
        made: of the release that follows.
    """
    return history(live.pointer) if same_answers(manifest, made) else before_next(live)


def move_pointer(store: Store, made: Manifest, live: LivePointer, now: Clock, before: tuple[str, ...]) -> None:
    """Make a stored release live in place of the one that it was made from.

    Args:
        made: the release.
        live: the pointer as it was read.
        before: the releases that were live before, latest first.

    Raises:
        PointerConflictError: another release is live by now.
        StoreError: as `confirm_stored`.
    """
    confirm_stored(store, made)
    try:
        # `high_water` stays: it is about releases that training makes.
        high_water = live.pointer.high_water
        point_to(store, made, live, at_least=high_water, before=before, now=now())
    except PointerConflictError:
        # If the response to the write is lost, the write is sent again, and conflicts with the first one.
        if live_release(store).pointer.release != made.release:
            raise


def live_release(store: Store) -> LivePointer:
    """The pointer.

    Raises:
        RefusedReleaseError: nothing is live.
    """
    live = live_pointer(store)
    if live is None:
        raise RefusedReleaseError(f"nothing is live in {store}; changes are applied to a live release")
    return live


def models_before(store: Store, pointer: Pointer) -> tuple[LastOfModel, ...]:
    """For each model but the live one, the release that was live with it last, latest first.

    The history is not enough for this: releases that change the catalogue alone fill it. It is only looked at if an
    older writer wrote the pointer.
    """
    if pointer.other_models is not None:
        return pointer.other_models
    found = {model_of(store, pointer.release): pointer.release}
    for release in history(pointer):
        found.setdefault(model_of(store, release), release)
    others = list(found.items())[1:]
    return tuple(LastOfModel(model=model, release=release) for model, release in others if model is not None)


def model_of(store: Store, release: str) -> str | None:
    """The sha256 of a stored release's model; None if its manifest is gone or cannot be read."""
    try:
        return stored_manifest(store, release).model.sha256
    except (MissingObjectError, ReleaseError):
        return None


def _models_after(store: Store, pointer: Pointer, made: Manifest, back: bool) -> tuple[LastOfModel, ...]:
    """`models_before` of the pointer that follows. A rollback drops the models that came after the one it goes to."""
    known = models_before(store, pointer)
    if made.parent == pointer.release:  # the same model
        return known
    own, present = made.model.sha256, model_of(store, pointer.release)
    if back:
        place = next((place for place, one in enumerate(known) if one.model == own), -1)
        known = known[place + 1 :]
    elif present is not None and present != own:
        left = LastOfModel(model=present, release=pointer.release)
        known = (left, *(one for one in known if one.model != present))
    return tuple(one for one in known if one.model != own)[:OTHER_MODELS]


def live_pointer(store: Store) -> LivePointer | None:
    """The pointer; None if no release was promoted yet."""
    try:
        return store.read_pointer()
    except MissingObjectError:
        return None
