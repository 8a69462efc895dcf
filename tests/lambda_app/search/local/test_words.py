from dataclasses import dataclass, replace

import numpy as np
import pytest

from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.query import Match, Selection, SimilarQuery
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem, write_catalog
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local import words as local_words
from lambda_app.search.local.engine import Segments
from lambda_app.search.vectors import unit

COUNT, DIM = 3000, 16
COLOURS, THINGS = ("red", "blue", "green", "grey"), ("sofa", "lamp", "table")


@dataclass(frozen=True)
class Shop:
    """A catalogue with titles, its finder, and what an exact computation needs."""

    finder: Finder
    catalog: Catalog
    vectors: np.ndarray
    items: list[CatalogItem]


@pytest.fixture(scope="module", params=["flat", "ivf-float16"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("titles")
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(COUNT, DIM)))
    items = []
    for row in range(COUNT):
        thing = THINGS[row % 3]
        words = [COLOURS[number] for number in rng.integers(0, 4, rng.integers(0, 3))]
        title = " ".join([*words, thing, *["velvet"] * (row % 50 == 0)])
        items.append(
            CatalogItem(str(row), f"p{row // 2}", f"{thing}s", title, float(row % 97), None, "datasets/x/photo.jpg")
        )
    write_catalog(folder / "catalog.sqlite", items)
    entry = build_index(vectors, request.param, folder / "index.faiss", seed=0)
    index = VectorIndex(folder / entry.file, entry, threads=1)
    stored = np.stack([index.vector(row) for row in range(COUNT)])
    catalog = Catalog(folder / "catalog.sqlite")
    yield Shop(Finder(Segments((index,), (catalog,)).without((), ())), catalog, stored, items)
    catalog.close()


def exact(shop: Shop, embedding: np.ndarray, query: SimilarQuery, bonuses: dict[str, float]) -> list[int]:
    """The rows of the results, by reciprocal rank fusion of all rows that pass the filter.

    A row that is not among the `DEPTH` nearest has the rank that follows from those with the words alone.
    """
    where, cosines = query.where, shop.vectors @ embedding
    passing = [
        row
        for row, item in enumerate(shop.items)
        if where.category in (None, item.category) and (item.price or 0.0) >= (where.min_price or 0.0)
    ]
    found = shop.catalog.words(query.words, shop.catalog.passing(where))
    near = sorted(passing, key=lambda row: (-cosines[row], row))[: local_words.DEPTH]

    def order(row: int) -> tuple[bool, float, int]:
        return row not in near, -cosines[row] - bonuses.get(shop.items[row].category, 0), row

    pictures = sorted({*near, *found.rows.tolist()}, key=order)
    sums = {row: 1 / (60 + rank) for rank, row in enumerate(pictures, start=1)}
    for row, rank in zip(found.rows.tolist(), found.ranks.tolist(), strict=True):
        sums[row] += 1 / (60 + rank)
    rows: list[int] = []
    seen: set[str] = set()
    for row in sorted(pictures, key=lambda row: (-sums[row], -cosines[row])):
        item = shop.items[row]
        if (
            len(rows) < query.k
            and cosines[row] >= query.min_score
            and not (query.distinct == "product" and item.product_id in seen)
        ):
            rows.append(row)
            seen.add(item.product_id)
    return rows


QUERIES = [
    SimilarQuery(words="red sofa"),
    SimilarQuery(k=20, words="velvet"),
    SimilarQuery(k=20, words="velvet", distinct="image"),
    SimilarQuery(k=10, words="gre tab", where=CatalogFilter(min_price=90)),
    SimilarQuery(k=50, words="blue lam", where=CatalogFilter(category="lamps")),
    SimilarQuery(k=30, words="sofa", min_score=0.4),
    SimilarQuery(k=30, words="sofa", min_score=0.9),
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("bonuses", [{}, {"sofas": 0.2, "lamps": 0.05}], ids=["cosine", "category"])
def test_words_and_a_photo_rank_by_the_fusion_of_both_orders(
    shop: Shop, query: SimilarQuery, bonuses: dict[str, float]
):
    rng = np.random.default_rng(1)
    hits = wanted = 0
    for embedding in unit(rng.normal(size=(10, DIM))):
        found = shop.finder.ranked(embedding, Selection(query), bonuses)
        right = exact(shop, embedding, query, bonuses)
        for match in found:
            assert match.score == pytest.approx(float(shop.vectors[match.row] @ embedding), abs=1e-5)
        hits += len(set(right) & {match.row for match in found})
        wanted += len(right)
        assert len(found) == len(right)
    assert wanted == 0 or hits / wanted >= 0.98


def test_the_order_is_exact_if_all_rows_are_candidates(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local_words, "DEPTH", COUNT)
    embedding = unit(np.random.default_rng(2).normal(size=(1, DIM)))[0]
    for query in QUERIES:
        found = shop.finder.nearest(embedding, Selection(query))
        assert [match.row for match in found] == exact(shop, embedding, query, {})


def test_too_few_candidates_are_followed_by_more(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    embedding = unit(np.random.default_rng(3).normal(size=(1, DIM)))[0]
    query = SimilarQuery(k=40, words="velvet", distinct="image")
    monkeypatch.setattr(local_words, "DEPTH", 5)
    found = shop.finder.nearest(embedding, Selection(query))
    assert len(found) == 40
    assert len({match.row for match in found}) == 40


def test_words_that_no_item_has_leave_the_order_of_the_photo(shop: Shop):
    embedding = unit(np.random.default_rng(4).normal(size=(1, DIM)))[0]
    for bonuses in ({}, {"sofas": 0.2}):
        query = SimilarQuery(k=10, words="zebra")
        without = replace(query, words="")
        found = shop.finder.ranked(embedding, Selection(query), bonuses)
        assert found == shop.finder.ranked(embedding, Selection(without), bonuses)
    assert shop.finder.nearest(embedding, Selection(query)) == shop.finder.nearest(embedding, Selection(without))


def test_an_item_is_no_result_of_its_own_words(shop: Shop):
    row = next(row for row, item in enumerate(shop.items) if item.title == "red sofa velvet")
    selection = Selection(SimilarQuery(k=20, words="red velvet sofa"), frozenset([row]), frozenset([f"p{row // 2}"]))
    found = shop.finder.nearest(shop.vectors[row], selection)
    assert {row, row + 1, row - 1} & {match.row for match in found} <= {row + 1 if row % 2 else row - 1}


def titles(matches: list[Match]) -> list[str | None]:
    return [match.item.title for match in matches]


def test_words_alone_give_the_items_that_have_them_without_scores(shop: Shop):
    found = shop.finder.by_words(Selection(SimilarQuery(k=12, words="velvet red")))
    assert len(found) == 12
    assert all({"red", "velvet"} <= set((title or "").split()) for title in titles(found))
    assert all(np.isnan(match.score) for match in found)
    assert len({match.item.product_id for match in found}) == 12


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (SimilarQuery(k=100, words="velvet", where=CatalogFilter(category="lamps"), distinct="image"), 20),
        (SimilarQuery(k=100, words="velvet", where=CatalogFilter(min_price=96), distinct="image"), None),
        (SimilarQuery(k=100, words="zebra"), 0),
        (SimilarQuery(k=100, words="sofa", where=CatalogFilter(min_price=1000)), 0),
        (SimilarQuery(k=100, words="sof"), 100),
    ],
    ids=str,
)
def test_filters_hold_for_words_alone(
    shop: Shop, query: SimilarQuery, count: int | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local_words, "DEPTH", 7)
    found = shop.finder.by_words(Selection(query))
    wanted = shop.catalog.words(query.words, shop.catalog.passing(query.where)).rows
    assert len(found) == (len(wanted) if count is None else count)
    if query.distinct == "image":
        assert [match.row for match in found] == wanted.tolist()
