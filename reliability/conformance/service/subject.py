"""What the suite asks: a service that holds the generated catalogue in one of the engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.recommendation.recommender import Recommender
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from reliability.conformance.service.shop import Shop
from tests.releases import publish_directly

# Of scores, which are cosines: float32; and the float16 or int8 of an inverted file.
TOLERANCES = {"flat": 2e-6, "ivf-float16": 2e-3, "ivf-int8": 1e-2, "s3vectors": 2e-6}


@dataclass(frozen=True, eq=False)
class Subject:
    """A service, and the catalogue that it holds.

    Attributes:
        engine: "flat", "ivf-float16", "ivf-int8" or "s3vectors".
        client: of its HTTP application.
    """

    engine: str
    shop: Shop
    recommender: Recommender
    client: TestClient

    @property
    def tolerance(self) -> float:
        """By how much a score may differ from the exact one."""
        return TOLERANCES[self.engine]


def publish(shop: Shop, folder: Path) -> FolderStore:
    """A new store, whose live release has the catalogue."""
    store = FolderStore(folder)
    publish_directly(store, shop.folder, shop.manifest)
    return store


@contextmanager
def serving(engine: str, shop: Shop, store: FolderStore, **settings: Any) -> Iterator[Subject]:
    """A service of a store.

    Args:
        engine: which engine it searches with.
        shop: the catalogue of its live release.
        store: the store.
        settings: further settings of serving.
    """
    app = create_app(Settings(store=str(store), threads=1, reload_seconds=3600, **settings), store)
    with TestClient(app) as client:
        recommender = app.state.service.live.current().recommender
        yield Subject(engine, shop, recommender, client)
