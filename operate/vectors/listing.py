"""The indexes of a store, as lines."""

from typing import Any

from lambda_app.catalogue.vectors.bookkeeping import stored_states
from lambda_app.catalogue.vectors.index import VectorsIndex, indexes
from lambda_app.errors import MissingObjectError, RefusedReleaseError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.promotion.succession import live_pointer
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.release.manifest import Manifest
from lambda_app.search.s3vectors.schema import index_name
from lambda_app.search.s3vectors.state import IndexState, state_key
from lambda_app.store.contract import Store


def live_manifest(store: Store) -> Manifest:
    """The manifest of the live release.

    Raises:
        RefusedReleaseError: nothing is live.
    """
    live = live_pointer(store)
    if live is None:
        raise RefusedReleaseError(f"nothing is live in {store}; publish a release first")
    return stored_manifest(store, live.pointer.release)


def status_lines(store: Store) -> list[str]:
    """What the store knows of its indexes."""
    manifest = live_manifest(store)
    own = index_name(manifest.model.sha256)
    states = stored_states(store)
    lines = [f"live: {manifest.release}, {manifest.count:,} items, searched by {manifest.engine}; its index is {own}"]
    for name, state in states.items():
        lines += _state_lines(name, state)
    held = states.get(own)
    if held is None:
        lines.append(f"{own} was never loaded: scripts/vectors load --store {store} --vector-bucket NAME")
    elif held.release != manifest.release and manifest.engine == "s3vectors":
        lines.append(f"{own} does not hold the live release: scripts/vectors load --store {store}")
    return lines


def _state_lines(name: str, state: IndexState) -> list[str]:
    held = "nothing yet" if state.release is None else f"the {state.count:,} items of {state.release}"
    left_out = f", without {state.left_out:,} whose texts are too long" if state.left_out else ""
    lines = [
        f"{name} in {state.vector_bucket}: holds {held}{left_out} (written {state.updated_at:%Y-%m-%d %H:%M:%S} UTC)"
    ]
    if state.loading is not None:
        size = state.loading.puts + state.loading.deletes
        lines.append(
            f"  a load of {state.loading.release} runs or was stopped: {state.loading.position:,} of {size:,} vectors; "
            "start it again, and it goes on"
        )
    return lines


def index_lines(store: Store, client: Any, bucket: str) -> list[str]:
    """The indexes in a vector bucket, each with the releases that need it."""
    needed = _releases_by_index(store)
    lines = []
    for name in indexes(client, bucket):
        releases = needed.get(name, [])
        said = (
            f"of {', '.join(releases[:3])}{' and more' if len(releases) > 3 else ''}"
            if releases
            else "of no stored release"
        )
        lines.append(f"{name}  {said}")
    return lines or [f"vector bucket {bucket} has no index of a catalogue"]


def delete_index(store: Store, client: Any, bucket: str, name: str, *, yes: bool = False) -> str:
    """Delete an index and what the store knows of it; what was done, in words.

    Args:
        yes: also if stored releases are searched there, to which a rollback could go.

    Raises:
        RefusedReleaseError: the live release is searched there, or a stored one, or there is no such index.
        StoreError: the service or the store does not answer.
    """
    try:
        manifest = live_manifest(store)
    except RefusedReleaseError:
        manifest = None
    if manifest is not None and manifest.engine == "s3vectors" and index_name(manifest.model.sha256) == name:
        raise RefusedReleaseError(
            f"{name} is the index of the live release {manifest.release}; scripts/vectors use faiss --store {store} "
            "makes a release live that does not need it"
        )
    searched = [
        stored.release
        for stored in list_releases(store)
        if stored.manifest is not None
        and stored.manifest.engine == "s3vectors"
        and index_name(stored.manifest.model.sha256) == name
    ]
    if searched and not yes:
        raise RefusedReleaseError(
            f"{len(searched):,} stored releases are searched in {name}, such as {searched[0]}; a rollback to one "
            "of them would load the whole index again. --yes deletes it nevertheless"
        )
    try:
        VectorsIndex(client, bucket, name).drop()
    except MissingObjectError as exc:
        raise RefusedReleaseError(f"vector bucket {bucket} has no index {name}") from exc
    state = stored_states(store).get(name)
    if state is not None and state.vector_bucket == bucket:
        store.delete(state_key(name))
    return f"deleted {name} in vector bucket {bucket}"


def _releases_by_index(store: Store) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stored in list_releases(store):
        if stored.manifest is not None:
            found.setdefault(index_name(stored.manifest.model.sha256), []).append(stored.release)
    return found
