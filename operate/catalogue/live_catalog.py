"""The catalogue of the live release, without its indexes and its model."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from lambda_app.errors import MissingObjectError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import Manifest
from lambda_app.release.segments.live_rows import LiveRows, read_dead_rows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.store.contract import Store
from operate.catalogue.photos import CatalogueError


def live_manifest(store: Store) -> Manifest:
    """The manifest of the live release.

    Raises:
        CatalogueError: nothing is live.
    """
    try:
        found = store.read_pointer()
    except MissingObjectError as exc:
        raise CatalogueError(f"nothing is live in {store}; publish a release first") from exc
    if found is None:  # only if asked for a newer version
        raise CatalogueError(f"nothing is live in {store}")
    return stored_manifest(store, found.pointer.release)


@contextmanager
def live_catalog(store: Store, manifest: Manifest) -> Iterator[SegmentedCatalog]:
    """The catalogue of a stored release, as long as the context lasts.

    Raises:
        ReleaseError: a file cannot be opened.
        StoreError: a file cannot be read.
    """
    counts = [segment.index.count for segment in manifest.all_segments]
    dead = None
    if manifest.dead is not None:
        dead = read_dead_rows(store.local_file(manifest.dead), manifest.dead, manifest.rows).mask(manifest.rows)
    catalogs = [Catalog(store.local_file(segment.catalog)) for segment in manifest.all_segments]
    with closing(SegmentedCatalog(catalogs, LiveRows.without(counts, dead))) as catalog:
        yield catalog
