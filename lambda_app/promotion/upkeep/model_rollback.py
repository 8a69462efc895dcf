"""Goes back to the release before with another model. The catalogue stays as it is: changes are not undone."""

from lambda_app.catalogue.beginning import ancestors
from lambda_app.catalogue.vectors.restoring import index_kept
from lambda_app.errors import PointerConflictError, RefusedReleaseError
from lambda_app.promotion.ingest import replaying
from lambda_app.promotion.promotion import Promotion
from lambda_app.promotion.refusal import refusing
from lambda_app.promotion.stored import confirm_stored, manifest_key, renew, stored_manifest
from lambda_app.promotion.succession import (
    HISTORY,
    Clock,
    history,
    live_pointer,
    model_of,
    models_before,
    point_to,
    utc_now,
)
from lambda_app.promotion.trial import check_release
from lambda_app.promotion.words import is_live, with_figures
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import LivePointer, Store

_POINTER_TRIES = 10


def rollback_model(store: Store, settings: Settings, now: Clock = utc_now) -> Promotion:
    """Make the release live again that was live last with another model, with the changes of the log since then.

    Repeated, it goes back further. Releases that were pruned meanwhile are left out. Events of what was created before
    this moment cannot undo it.

    Raises:
        RefusedReleaseError: nothing is live, or no release with another model that was live before is stored.
        PointerConflictError: a release with another model went live at the same time; nothing is changed.
    """
    live = live_pointer(store)
    if live is None:
        raise RefusedReleaseError(f"nothing is live in {store}, so there is nothing to go back from")
    manifest = _last_of_another(store, live)
    with refusing(manifest.release):
        check_release(manifest, store.local_file, settings)
    renew(store, manifest.release)
    left, model = live.pointer.release, model_of(store, live.pointer.release)
    words = f"rolled back from {with_figures(store, left)} to {with_figures(store, manifest.release)}"
    target, replay = manifest, replaying(store, settings, now)
    with index_kept(store, settings):
        for _ in range(_POINTER_TRIES):
            # After a lost race only what came since then is applied, so photos are embedded once.
            target, moment = replay(target), now()
            confirm_stored(store, target)
            before = _before(store, live, manifest)
            try:
                point_to(store, target, live, at_least=moment, before=before, now=moment, back=True)
            except PointerConflictError:
                found = live_pointer(store)
                # If the response to the write is lost, the write is sent again, and conflicts with the first one.
                if found is None or found.pointer.release != target.release:
                    if found is None or model_of(store, found.pointer.release) != model:
                        raise
                    live = found  # changes of the catalogue went live
                    continue
            return Promotion(target.release, "live", f"{words}; {is_live(manifest.release, target.release)}")
        raise PointerConflictError(f"the pointer of {store} moved {_POINTER_TRIES} times during the rollback")


def _last_of_another(store: Store, live: LivePointer) -> Manifest:
    known = [one.release for one in models_before(store, live.pointer)]
    stored = next((release for release in known if store.exists(manifest_key(release))), None)
    if stored is None:
        pruned = f"; pruned: {', '.join(known)}" if known else ""
        raise RefusedReleaseError(
            f"{store} holds no release that was live before with another model than {live.pointer.release}{pruned}. "
            "scripts/releases list shows the releases that it holds, and scripts/releases promote ID makes one of "
            "them live"
        )
    return stored_manifest(store, stored)


def _before(store: Store, live: LivePointer, manifest: Manifest) -> tuple[str, ...]:
    """The releases that were live before one that was live before, latest first."""
    known = history(live.pointer)
    if manifest.release in known:
        return known[known.index(manifest.release) + 1 :]
    return tuple(one.release for one in ancestors(store, manifest, HISTORY))  # the history begins later
