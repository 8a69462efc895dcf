from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.query import Selection, SimilarQuery
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem, write_catalog
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.engine import Segments
from lambda_app.search.vectors import unit

COUNT, DIM = 6000, 24
CATEGORIES = tuple("ABCDEF")
QUERIES = 24
# Probabilities of a photo's own category and of the next one; the others share the rest.
CERTAIN, WRONG, TORN, UNSURE = (0.99, 0.002), (0.002, 0.99), (0.5, 0.4), (1 / 6, 1 / 6)


@dataclass(frozen=True)
class Shop:
    """A catalogue in which the categories overlap, its finder, and what an exact computation needs.

    Attributes:
        vectors: float32 (n, d), as the index stores them.
        found: the rows fetched by each search of the latest query.
    """

    finder: Finder
    vectors: np.ndarray
    items: list[CatalogItem]
    fetched: list[int]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, list[CatalogItem]]:
    folder = tmp_path_factory.mktemp("catalogue")
    rng = np.random.default_rng(0)
    # Products of one to five photos, so that some have more than the first search expects.
    product = np.sort(rng.integers(0, COUNT // 3, COUNT))
    category = rng.integers(0, len(CATEGORIES), COUNT // 3)[product]
    centres = rng.normal(size=(len(CATEGORIES), DIM))
    vectors = (
        0.5 * centres[category] + rng.normal(size=(COUNT // 3, DIM))[product] + 0.3 * rng.normal(size=(COUNT, DIM))
    )
    items = [
        CatalogItem(str(row), f"p{product[row]}", CATEGORIES[category[row]], None, float(row % 97), None, "datasets/x")
        for row in range(COUNT)
    ]
    write_catalog(folder / "catalog.sqlite", items)
    return folder, unit(vectors), items


@pytest.fixture(scope="module", params=["flat", "ivf-float16", "ivf-int8"])
def shop(request: pytest.FixtureRequest, catalogue: tuple[Path, np.ndarray, list[CatalogItem]]) -> Shop:
    folder, vectors, items = catalogue
    entry = build_index(vectors, request.param, folder / f"{request.param}.faiss", seed=0)
    fetched: list[int] = []

    class Counted(VectorIndex):
        def search(self, queries, k, allowed=None):
            fetched.append(k)
            return super().search(queries, k, allowed)

    index = Counted(folder / entry.file, entry, threads=1)
    stored = np.stack([index.vector(row) for row in range(COUNT)])
    return Shop(
        Finder(Segments((index,), (Catalog(folder / "catalog.sqlite"),)).without((), ())), stored, items, fetched
    )


def exact(shop: Shop, embedding: np.ndarray, query: SimilarQuery, bonuses: dict[str, float]) -> list[int]:
    """The rows of the results, by a computation over all rows."""
    cosines = shop.vectors @ embedding
    categories = np.array([item.category for item in shop.items])
    keys = cosines + sum(bonus * (categories == category) for category, bonus in bonuses.items())
    passes = cosines >= query.min_score
    where = query.where
    if where.category is not None:
        passes &= categories == where.category
    if where.min_price is not None:
        passes &= np.array([item.price for item in shop.items]) >= where.min_price
    rows: list[int] = []
    seen: set[str] = set()
    for row in np.argsort(-keys, kind="stable").tolist():
        if len(rows) == query.k:
            break
        product = shop.items[row].product_id
        if passes[row] and not (query.distinct == "product" and product in seen):
            rows.append(row)
            seen.add(product)
    return rows


def photos(shop: Shop) -> list[tuple[np.ndarray, str]]:
    """New photos near catalogue photos, and their categories."""
    rng = np.random.default_rng(1)
    rows = rng.integers(0, COUNT, QUERIES).tolist()
    return [(unit(shop.vectors[[row]] + 0.15 * rng.normal(size=(1, DIM)))[0], shop.items[row].category) for row in rows]


def bonuses_of(category: str, probabilities: tuple[float, float], weight: float) -> dict[str, float]:
    own = CATEGORIES.index(category)
    rest = (1 - sum(probabilities)) / (len(CATEGORIES) - 2)
    each = [*probabilities] + [rest] * (len(CATEGORIES) - 2)
    return {CATEGORIES[(own + place) % len(CATEGORIES)]: weight * share for place, share in enumerate(each)}


def agreement(shop: Shop, query: SimilarQuery, probabilities: tuple[float, float], weight: float) -> float:
    """The share of the exact results that are found, of all queries; all must be in the right order."""
    wanted = hits = 0
    for embedding, category in photos(shop):
        bonuses = bonuses_of(category, probabilities, weight)
        found = shop.finder.ranked(embedding, Selection(query), bonuses)
        keys = [match.score + bonuses[match.item.category] for match in found]
        assert keys == sorted(keys, reverse=True)
        expected = exact(shop, embedding, query, bonuses)
        wanted += len(expected)
        hits += len({match.row for match in found} & set(expected))
        for match in found:
            assert match.score == pytest.approx(float(shop.vectors[match.row] @ embedding), abs=1e-5)
            assert match.score >= query.min_score
    assert wanted
    return hits / wanted


def agreement_by_cosine(shop: Shop, query: SimilarQuery) -> float:
    """The same for the nearest rows: an inverted file misses a few of them in any search."""
    hits = wanted = 0
    for embedding, _ in photos(shop):
        expected = exact(shop, embedding, query, {})
        found = shop.finder.nearest(embedding, Selection(query))
        wanted += len(expected)
        hits += len({match.row for match in found} & set(expected))
    return hits / wanted


@pytest.mark.parametrize("probabilities", [CERTAIN, WRONG, TORN, UNSURE])
@pytest.mark.parametrize("weight", [0.15, 1.0])
@pytest.mark.parametrize(
    "query",
    [
        SimilarQuery(),
        SimilarQuery(k=20, distinct="image"),
        SimilarQuery(k=10, where=CatalogFilter(min_price=48.0)),
        SimilarQuery(k=10, where=CatalogFilter(min_price=95.0)),
        SimilarQuery(k=30, min_score=0.4),
    ],
    ids=["four", "by image", "half pass", "few pass", "least score"],
)
def test_no_result_that_ranks_among_the_first_is_missed(
    shop: Shop, query: SimilarQuery, probabilities: tuple[float, float], weight: float
):
    found, by_cosine = agreement(shop, query, probabilities, weight), agreement_by_cosine(shop, query)
    assert found >= by_cosine - (0.0 if by_cosine == 1 else 0.005)


def test_the_nearest_rows_alone_are_not_enough(shop: Shop):
    """What the test above would not see with twice as many candidates as results."""
    query = SimilarQuery(k=10, distinct="image")
    missed = 0
    for embedding, category in photos(shop):
        expected = exact(shop, embedding, query, bonuses_of(category, WRONG, 0.15))
        missed += len(set(expected) - set(np.argsort(-(shop.vectors @ embedding))[:20].tolist()))
    assert missed > 10


def test_a_certain_category_needs_one_search_more_at_most(shop: Shop):
    counts = []
    for embedding, category in photos(shop):
        shop.fetched.clear()
        shop.finder.ranked(embedding, Selection(SimilarQuery(distinct="image")), bonuses_of(category, CERTAIN, 0.15))
        counts.append(len(shop.fetched))
    assert set(counts) <= {1, 2}
    assert counts.count(1)  # all nearest rows are of the category


def test_a_probability_of_zero_everywhere_is_the_order_of_the_cosine(shop: Shop):
    embedding, _ = photos(shop)[0]
    for query in (SimilarQuery(k=50), SimilarQuery(k=50, distinct="image", min_score=0.3)):
        ranked = shop.finder.ranked(embedding, Selection(query), dict.fromkeys(CATEGORIES, 0.0))
        nearest = shop.finder.nearest(embedding, Selection(query))
        assert [match.row for match in ranked] == [match.row for match in nearest]


def test_a_category_that_the_release_does_not_name_gets_no_bonus(shop: Shop):
    embedding, _ = photos(shop)[0]
    query = SimilarQuery(k=COUNT)
    found = shop.finder.ranked(embedding, Selection(query), {"A": 1.0, "Boats": 0.5})
    categories = [match.item.category for match in found]
    assert categories[0] == "A"
    assert set(categories) == set(CATEGORIES)
    assert [match.row for match in found] == exact(shop, embedding, query, {"A": 1.0})


def test_a_filter_that_nothing_passes_finds_nothing(shop: Shop):
    embedding, category = photos(shop)[0]
    query = SimilarQuery(where=CatalogFilter(min_price=1000.0))
    assert shop.finder.ranked(embedding, Selection(query), bonuses_of(category, TORN, 0.15)) == []
