"""Brings the index of S3 Vectors back to the live release, after another one did not go live."""

from collections.abc import Iterator
from contextlib import contextmanager

from lambda_app.catalogue.vectors.bookkeeping import stored_state
from lambda_app.catalogue.vectors.ready import SecondsLeft, bring_index
from lambda_app.errors import LookalikeError, MissingObjectError, PointerConflictError, ReleaseError, StoreError
from lambda_app.release.manifest import MANIFEST, read_manifest
from lambda_app.search.s3vectors.schema import index_name
from lambda_app.settings import Settings
from lambda_app.store.contract import RELEASES, Store


def restore_index(store: Store, settings: Settings, seconds_left: SecondsLeft | None = None) -> None:
    """Bring the index of S3 Vectors back to the live release, if it holds another one.

    An index is brought to a release before the pointer moves. If the pointer does not move, it is ahead.

    Raises:
        StoreError, ReleaseError: as `bring_index`.
    """
    if not settings.vector_bucket:
        return
    try:
        live = store.read_pointer()
    except MissingObjectError:
        return  # nothing is live
    if live is None:
        return
    manifest = read_manifest(store.read(f"{RELEASES}{live.pointer.release}/{MANIFEST}"))
    if manifest.searched_by(settings.search) != "s3vectors":
        return
    state, _ = stored_state(store, index_name(manifest.model.sha256))
    if state is None or state.release != manifest.release or state.loading is not None:
        bring_index(store, manifest, settings, seconds_left)


@contextmanager
def index_kept(store: Store, settings: Settings, seconds_left: SecondsLeft | None = None) -> Iterator[None]:
    """If the block refuses a release or loses the pointer to another one, restore the index of the live release.

    Other errors are left alone: who tries again goes on with the index as it is.

    Raises:
        StoreError: it was not possible; the message says why, and what else went wrong. Another try restores it.
    """
    try:
        yield
    except (ReleaseError, PointerConflictError) as exc:
        try:
            restore_index(store, settings, seconds_left)
        except LookalikeError as failed:
            raise StoreError(
                f"{exc}. Besides, the index of S3 Vectors could not be brought back to the live release: {failed}. "
                f"scripts/vectors load --store {store} does it"
            ) from exc
        raise
