import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lambda_app.errors import QueryError, SearchUnavailableError
from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.query import Selection, SimilarQuery
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.search.engine import NOTHING
from lambda_app.search.s3vectors import results
from lambda_app.search.s3vectors.index import ExpiredPageError
from lambda_app.search.s3vectors.results import Hidden, Results, filter_of, vector_of
from lambda_app.search.s3vectors.schema import metadata_of
from lambda_app.search.s3vectors.strays import Strays
from tests.lambda_app.search.s3vectors.conftest import COUNT, DIM, Held, Slept
from tests.s3vectors.server import S3VectorsServer

QUERY = np.eye(1, DIM, dtype=np.float32)[0]


def asked(held: Held, fetch: int, hidden: Hidden = Hidden(), **further: Any) -> Results:  # noqa: B008
    return Results(held.index, {**vector_of(QUERY), **further}, fetch, hidden)


def test_the_first_page_has_rows_scores_items_and_fingerprints(held: Held):
    found = asked(held, 7)
    assert found.rows == held.nearest(QUERY)[:7]
    np.testing.assert_allclose(found.scores, held.vectors[found.rows] @ QUERY, atol=1e-6)
    assert [item.image_id for item in found.items] == [f"photo-{row:03}" for row in found.rows]
    assert {item.description for item in found.items} == {None}
    assert found.fingerprints[found.items[0].image_id].tolist() == held.prints[found.rows[0]].tolist()
    assert found.bound == pytest.approx(found.scores[-1])


@pytest.mark.parametrize("sizes", [(100,), (3,), (1,), (4, 0, 1), (0, 0, 7)])
def test_all_rows_are_found_whatever_the_size_of_a_page(held: Held, s3vectors: S3VectorsServer, sizes: tuple[int, ...]):
    s3vectors.backend.pages.sizes = sizes
    found = asked(held, 10)
    steps = 0
    while found.bound != NOTHING:
        before = len(found.rows)
        found.deepen()
        assert len(found.rows) > before or found.bound == NOTHING
        steps += 1
    assert found.rows == held.nearest(QUERY)
    assert steps >= 2


def test_a_query_is_sent_again_for_more_only_if_its_pages_are_read(held: Held, s3vectors: S3VectorsServer):
    s3vectors.backend.pages.sizes = (5,)
    found = asked(held, 10)
    assert s3vectors.counts()["QueryVectors"] == 1
    found.deepen()
    assert (len(found.rows), s3vectors.counts()["QueryVectors"]) == (10, 2)
    found.deepen()
    assert len(found.rows) > 10


def test_no_more_than_the_cap_is_looked_at(held: Held, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(results, "MOST_FURTHER", 20)
    found = asked(held, 10).read_all(COUNT)
    assert len(found.rows) == 30
    assert found.bound == NOTHING


def test_a_page_that_has_expired_is_asked_for_again(held: Held, s3vectors: S3VectorsServer):
    s3vectors.backend.pages.sizes = (5,)
    found = asked(held, 20)
    found.deepen()
    s3vectors.backend.pages.expire()
    found.deepen()
    assert found.rows[:15] == held.nearest(QUERY)[:15]


def test_pages_that_expire_all_the_time_are_given_up(held: Held, s3vectors: S3VectorsServer):
    s3vectors.backend.pages.sizes = (5,)
    s3vectors.backend.pages.seconds = 0
    with pytest.raises(ExpiredPageError):
        asked(held, 20).read_all(20)


def test_pages_that_never_end_are_given_up_in_the_time_of_one_call(
    held: Held, s3vectors: S3VectorsServer, slept: Slept, monkeypatch: pytest.MonkeyPatch
):
    real = held.index.client.query_vectors

    def slow(**given: Any) -> Any:
        slept.now += 0.4
        return real(**given)

    monkeypatch.setattr(held.index.client, "query_vectors", slow)
    s3vectors.backend.pages.sizes = (0,)
    with pytest.raises(SearchUnavailableError, match="takes too long"):
        asked(held, 10).deepen()
    assert slept.now < 6
    s3vectors.backend.pages.sizes = (1,)
    with pytest.raises(SearchUnavailableError, match="takes too long"):
        asked(held, 100).read_all(100)


def test_a_token_after_all_results_is_not_followed(held: Held, monkeypatch: pytest.MonkeyPatch):
    real = held.index.client.query_vectors
    tokens: list[str | None] = []

    def endless(**given: Any) -> Any:
        tokens.append(given.pop("nextToken", None))
        return {**real(**given), "nextToken": "again"}

    monkeypatch.setattr(held.index.client, "query_vectors", endless)
    assert len(asked(held, 10).read_all(10).rows) == 10
    assert tokens == [None]


def test_blocked_items_and_products_are_left_out(held: Held):
    first = held.nearest(QUERY)
    hidden = Hidden({held.items[first[0]].image_id}, {held.items[first[1]].product_id})
    found = asked(held, 10, hidden).read_all(COUNT)
    product = first[1] // 5
    assert found.rows == [row for row in first if row != first[0] and row // 5 != product]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (CatalogFilter(), {}),
        (CatalogFilter("sofas"), {"category": {"$eq": "sofas"}}),
        (CatalogFilter(min_price=0.0), {"price": {"$gte": 0.0}}),
        (CatalogFilter(min_price=1.5, max_price=9), {"price": {"$gte": 1.5, "$lte": 9}}),
        (
            CatalogFilter("sofas", max_price=9),
            {"$and": [{"category": {"$eq": "sofas"}}, {"price": {"$lte": 9}}]},
        ),
    ],
)
def test_filters_in_the_grammar_of_the_service(where: CatalogFilter, expected: dict[str, Any]):
    assert filter_of(where).get("filter", {}) == expected


def test_an_item_without_a_price_passes_no_bound(held: Held):
    found = asked(held, COUNT, **filter_of(CatalogFilter(min_price=-1e9))).read_all(COUNT)
    assert sorted(found.rows) == [row for row in range(COUNT) if row % 4]


@pytest.mark.parametrize("bad", [np.zeros(DIM), np.full(DIM, np.nan), np.array([1.0, np.inf] + [0.0] * (DIM - 2))])
def test_a_vector_that_the_service_would_refuse_is_not_sent(bad: np.ndarray):
    with pytest.raises(QueryError, match="the query vector"):
        vector_of(bad.astype(np.float32))


def put(held: Held, *vectors: dict[str, Any]) -> None:
    """Vectors that something else writes."""
    held.index.client.put_vectors(
        vectorBucketName=held.index.bucket,
        indexName=held.index.name,
        vectors=[{"data": {"float32": QUERY.tolist()}, **vector} for vector in vectors],
    )


def test_a_vector_that_is_no_item_is_left_out_and_logged(held: Held, caplog: pytest.LogCaptureFixture):
    put(held, {"key": "stray", "metadata": {"note": "not ours"}})
    assert asked(held, 5).rows == held.nearest(QUERY)[:4]
    assert "'stray' is not an item" in caplog.text
    assert Strays("x").item({"key": "bare"}) is None


def test_vectors_that_are_no_items_are_logged_once_and_then_counted(held: Held, caplog: pytest.LogCaptureFixture):
    put(held, *({"key": f"stray-{number}", "metadata": {"note": "x"}} for number in range(12)))
    engine = replace(held.engine, strays=Strays("items-x")).without(["photo-001"], [])
    for _ in range(3):
        engine.searches(QUERY, [CatalogFilter()], 30)
        engine.items(["stray-0"])
    first, second = [record.message for record in caplog.records]
    assert re.match(r"index items-x has a vector that is left out.*vector 'stray-\d+'.*scripts/vectors check", first)
    assert "at least 10 vectors" in second


@pytest.mark.parametrize("sizes", [(100,), (1,)])
def test_a_row_that_two_vectors_claim_loses_neither_item(
    held: Held, s3vectors: S3VectorsServer, sizes: tuple[int, ...]
):
    near = held.nearest(QUERY)
    claimed = held.items[near[1]]
    other = CatalogItem("stray", "other", claimed.category, "red velvet sofa", 1.0, None, "datasets/x/y.jpg")
    put(held, {"key": "stray", "metadata": metadata_of(near[1], other, held.prints[0])})
    s3vectors.backend.pages.sizes = sizes
    found = asked(held, 10).read_all(10)
    assert [item.image_id for item in found.items][:3] == ["stray", *(held.items[row].image_id for row in near[:2])]
    assert found.fingerprints[claimed.image_id].tolist() == held.prints[near[1]].tolist()
    selection = Selection(SimilarQuery(10, distinct="image"))
    every = Selection(SimilarQuery(121, words="velvet", distinct="image"))
    for matches in (
        Finder(held.engine).nearest(QUERY, selection),
        Finder(held.engine).ranked(QUERY, selection, {claimed.category: 0.4}),
        Finder(held.engine).nearest(QUERY, every),
    ):
        ids = [match.item.image_id for match in matches]
        assert {"stray", claimed.image_id} <= {*ids}
        assert len({*ids}) == len(ids)
    listed: list[str] = []
    start: int | None = 0
    while start is not None:
        page = held.engine.page(CatalogFilter(), start, 1, one_per_product=False)
        listed += [item.image_id for item in page.items]
        start = page.next
    assert sorted(listed) == sorted(["stray", *(item.image_id for item in held.items)])
