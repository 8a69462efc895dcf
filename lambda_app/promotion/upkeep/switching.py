"""Moves a store from one search engine to the other: a release equal to the live one, but for its engine."""

from lambda_app.catalogue.building import successor
from lambda_app.catalogue.vectors.ready import bring_index
from lambda_app.catalogue.vectors.restoring import index_kept
from lambda_app.errors import PointerConflictError
from lambda_app.promotion.promotion import Promotion
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.promotion.stored import store_release, stored_manifest
from lambda_app.promotion.succession import Clock, before_next, live_release, move_pointer, utc_now
from lambda_app.promotion.upkeep.origin import ENGINES
from lambda_app.release.entries import EngineName, SearchEntry
from lambda_app.release.manifest import MANIFEST
from lambda_app.settings import Settings
from lambda_app.store.contract import Store

_TRIES = 5


def use(store: Store, engine: EngineName, settings: Settings, now: Clock = utc_now) -> Promotion:
    """Make a release live that is equal to the live one, but searched by this engine.

    For S3 Vectors, the index is brought to it first, which takes a moment if it was loaded before. The release before
    is the one that a rollback goes to.

    Raises:
        RefusedReleaseError: nothing is live.
        SettingsError: no vector bucket is set, or the index has other settings.
        PointerConflictError: others moved the pointer again and again.
        StoreError: the store or the service does not answer; another call goes on.
    """
    with index_kept(store, settings):
        for _ in range(_TRIES):
            live = live_release(store)
            manifest = stored_manifest(store, live.pointer.release)
            if manifest.engine == engine:
                detail = f"{manifest.release} is live and searched in {ENGINES[engine]} already"
                return Promotion(manifest.release, "already live", detail)
            search = None if engine == "faiss" else SearchEntry(engine=engine)
            made = successor(manifest, manifest.changes_through, now(), search=search)
            with scratch_folder("changes") as folder:
                (folder / MANIFEST).write_bytes(made.to_json())
                store_release(store, folder, made)
            bring_index(store, made, settings)
            try:
                move_pointer(store, made, live, now, before_next(live))
            except PointerConflictError:
                continue
            which = f"the catalogue and the model of {manifest.release}, searched in {ENGINES[engine]}"
            return Promotion(made.release, "live", f"{made.release} is live: {which}")
        raise PointerConflictError(f"the pointer of {store} moved {_TRIES} times while the engine was changed")
