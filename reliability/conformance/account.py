"""An index of its own in a vector bucket: made, filled with the catalogue of the suite, deleted at the end."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lambda_app.catalogue.vectors.index import VectorsIndex
from lambda_app.catalogue.vectors.loading import Loader
from lambda_app.errors import LookalikeError, MissingObjectError, SettingsError, StoreError
from lambda_app.store.contract import Store
from reliability.conformance.service.shop import Shop

BUILDING_SECONDS = 600.0

log = logging.getLogger(__name__)


@contextmanager
def filled_index(
    index: VectorsIndex, shop: Shop, store: Store, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Fill a new index, and delete it in the end, also after a failure.

    Args:
        index: of the model of the catalogue; it must not exist.
        shop: the catalogue, whose release is in the store.
        store: gets the state of the index.
        sleep: waits so many seconds.

    Raises:
        SettingsError: the index exists; it is left as it is.
        StoreError: the service does not answer, or refuses; or its text searches are not built in time.
    """
    if index.describe() is not None:
        raise SettingsError(f"{index} exists already; the suite fills and deletes an index of its own")
    try:
        Loader(store).bring(index, shop.manifest)
        _wait_for_texts(index, sleep)
        yield
    finally:
        _drop(index)


def _wait_for_texts(index: VectorsIndex, sleep: Callable[[float], None]) -> None:
    waited, pause = 0.0, 0.5
    while building := _building(index):
        if waited > BUILDING_SECONDS:
            raise StoreError(f"the text searches {', '.join(building)} of {index} are still built after {waited:.0f} s")
        sleep(pause)
        waited, pause = waited + pause, min(2 * pause, 10.0)


def _building(index: VectorsIndex) -> list[str]:
    """The metadata keys whose text search is not ready."""
    metadata = (index.describe() or {}).get("metadataConfiguration") or {}
    searches = metadata.get("textSearchConfigurations") or []
    return [search["metadataKey"] for search in searches if search.get("status", "ACTIVE") != "ACTIVE"]


def _drop(index: VectorsIndex) -> None:
    try:
        index.drop()
    except MissingObjectError:
        return  # it was not made
    except LookalikeError:
        log.error(
            "%s could not be deleted, and costs money until it is: aws s3vectors delete-index "
            "--vector-bucket-name %s --index-name %s",
            index,
            index.bucket,
            index.name,
        )
        raise
