"""A small catalogue in the test's index, and an engine that searches it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from lambda_app.release.catalog import CatalogItem
from lambda_app.search.s3vectors.engine import S3VectorsEngine
from lambda_app.search.s3vectors.index import SearchedIndex, make_client
from lambda_app.search.vectors import unit
from tests.s3vectors.filling import fill
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

COUNT, DIM = 120, 8
MODEL = "ab" * 32
CATEGORIES = ("sofas", "lamps", "tables")


@dataclass(frozen=True)
class Held:
    """What the index holds; row i is item i, and photos 5 i to 5 i + 4 are of product i."""

    items: list[CatalogItem]
    vectors: npt.NDArray[np.float32]
    prints: npt.NDArray[np.uint8]
    index: SearchedIndex

    @property
    def engine(self) -> S3VectorsEngine:
        """Searches it; nothing is blocked."""
        return S3VectorsEngine(self.index, DIM, COUNT, COUNT)

    def nearest(self, query: npt.NDArray[np.float32]) -> list[int]:
        """All rows, the highest cosine first."""
        return np.argsort(-(self.vectors @ query), kind="stable").tolist()


class Slept(list[float]):
    """A clock that moves when someone sleeps, and the pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Go on at once."""
        self.append(seconds)
        self.now += seconds


@pytest.fixture
def slept() -> Slept:
    """The pauses between tries."""
    return Slept()


@pytest.fixture
def held(s3vectors: S3VectorsServer, slept: Slept, monkeypatch: pytest.MonkeyPatch) -> Held:
    """The catalogue in the index of `MODEL`."""
    for name, value in s3vectors.environment().items():
        monkeypatch.setenv(name, value)
    random = np.random.default_rng(0)
    vectors = unit(random.normal(size=(COUNT, DIM)))
    prints = random.integers(0, 128, (COUNT, 197)).astype(np.uint8)
    items = [
        CatalogItem(
            f"photo-{row:03}",
            f"product-{row // 5:02}",
            CATEGORIES[row // 5 % 3],
            "red velvet sofa" if row % 10 == 0 else "grey lamp",
            None if row % 4 == 0 else float(row),
            "Lisboa",
            f"datasets/x/{row}.jpg",
            f"text {row}",
        )
        for row in range(COUNT)
    ]
    name = fill(s3vectors.client(), VECTOR_BUCKET, MODEL, items, vectors, list(prints))
    index = SearchedIndex(
        VECTOR_BUCKET, name, make_client(), clock=lambda: slept.now, sleep=slept.sleep, jitter=lambda: 1.0
    )
    s3vectors.calls.clear()
    return Held(items, vectors, prints, index)
