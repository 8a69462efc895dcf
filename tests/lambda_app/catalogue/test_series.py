"""Random series of changes, merges and rollbacks, held against exact search over the same items."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.catalog import CatalogFilter, write_catalog
from lambda_app.release.manifest import CatalogEntry, IndexEntry, Manifest, file_entry
from lambda_app.search.building import recall
from lambda_app.search.building.choice import written
from lambda_app.search.building.inverted import inverted_file
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import unit
from tests.lambda_app.catalogue.shop import EXHAUSTIVE, PRODUCTS, Row, Rows, Shop, new_item
from tests.releases import CATEGORIES, DIM, build_release, write_index

ROWS = 300
LOW, HIGH = st.none() | st.floats(0, 20), st.none() | st.floats(20, 40)
Start = Callable[[], tuple[Manifest, dict[str, Path], Rows]]

queries = st.builds(
    SimilarQuery,
    k=st.integers(1, 60),
    where=st.builds(CatalogFilter, category=st.none() | st.sampled_from(CATEGORIES[:4]), min_price=LOW, max_price=HIGH),
    # Scores near the limit may fall on either side: the limit lies between those that occur.
    min_score=st.sampled_from([-1.0, 0.1234567]),
    distinct=st.sampled_from(["product", "image"]),
    rank=st.just("cosine"),
)


@pytest.fixture(autouse=True, scope="module")
def few_queries() -> Iterator[None]:
    """Merges measure recall and time by a few queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "_QUERIES", 10)
        patch.setattr(recall, "_TIMED", 2)
        yield


@pytest.fixture(scope="module", params=["flat", "ivf-float16", "ivf-int8"])
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Returns a release of 300 photos, its files, and the same as a dictionary. As a function, because Hypothesis
    prints the arguments of a test that fails.
    """
    folder = tmp_path_factory.mktemp("base")
    manifest = build_release(folder)
    random = np.random.default_rng(0)
    products = random.integers(0, PRODUCTS, ROWS)
    vectors = unit(random.normal(size=(PRODUCTS, DIM))[products] + 0.4 * random.normal(size=(ROWS, DIM)))
    items = [new_item(f"b{row}", int(product), 10**6 + row) for row, product in enumerate(products)]
    fingerprints = random.integers(0, 256, (ROWS, 197), np.uint8)
    write_catalog(folder / "catalog.sqlite", items, fingerprints)
    path = folder / "index.faiss"
    if request.param == "flat":
        write_index(path, vectors)
        entry = IndexEntry(**file_entry(path), count=ROWS)
    else:
        entry = written(path, inverted_file(vectors, request.param, 0), request.param)
        entry = entry.model_copy(update={"search": EXHAUSTIVE})
    catalog = CatalogEntry(**file_entry(folder / "catalog.sqlite"), count=ROWS)
    manifest = manifest.model_copy(update={"index": entry, "catalog": catalog, "smoke": ()})
    stored = VectorIndex(path, entry).vectors(range(ROWS))
    rows = {
        item.image_id: Row(item, vector, fingerprint, stored=True)
        for item, vector, fingerprint in zip(items, stored, fingerprints, strict=True)
    }
    files = {one.sha256: folder / one.file for one in manifest.files()}
    return lambda: (manifest, files, rows)


def follow(start: Start, seed: int, changes: int, asked: list[SimilarQuery]) -> None:
    """A series of releases with so many changes; each of them answers the queries."""
    manifest, files, rows = start()
    with TemporaryDirectory() as folder:
        shop = Shop(Path(folder), manifest, dict(files), dict(rows), np.random.default_rng(seed))
        while shop.changes < changes:
            shop.step()
            shop.check(asked)
        shop.merge(new_centroids=False)
        shop.check(asked)
        assert shop.recommender is not None
        shop.recommender.close()


lasting = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@settings(lasting, max_examples=2)
@given(seed=st.integers(0, 2**32 - 1), asked=st.lists(queries, min_size=4, max_size=4))
def test_a_series_of_changes_and_merges_answers_as_exact_search_does(
    start: Start, seed: int, asked: list[SimilarQuery]
):
    follow(start, seed, 40, asked)


@pytest.mark.slow
@settings(lasting, max_examples=2)
@given(seed=st.integers(0, 2**32 - 1), asked=st.lists(queries, min_size=6, max_size=6))
def test_a_series_of_200_changes_and_merges_answers_as_exact_search_does(
    start: Start, seed: int, asked: list[SimilarQuery]
):
    follow(start, seed, 200, asked)
