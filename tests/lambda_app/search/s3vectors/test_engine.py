from dataclasses import replace

import numpy as np
import pytest

from lambda_app.errors import QueryError
from lambda_app.likeness.fingerprint import cells_of
from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.query import Selection, SimilarQuery
from lambda_app.recommendation.same_photo import SamePhotos
from lambda_app.release.catalog import CatalogFilter
from lambda_app.search.engine import NOTHING, Match
from lambda_app.search.fusion import fused
from lambda_app.search.s3vectors import browsing
from lambda_app.search.s3vectors.schema import metadata_of
from tests.lambda_app.search.s3vectors.conftest import COUNT, DIM, Held, Slept
from tests.s3vectors.server import S3VectorsServer

QUERY = np.eye(1, DIM, dtype=np.float32)[0]
ALL = CatalogFilter()


def found(held: Held, query: SimilarQuery, bonuses: dict[str, float] | None = None, **excluded) -> list[Match]:
    finder, selection = Finder(held.engine), Selection(query, **excluded)
    return finder.nearest(QUERY, selection) if bonuses is None else finder.ranked(QUERY, selection, bonuses)


def test_products_with_many_photos_are_each_found_once(held: Held):
    matches = found(held, SimilarQuery(COUNT // 5))
    assert len({match.item.product_id for match in matches}) == COUNT // 5
    best = {row // 5: row for row in reversed(held.nearest(QUERY))}
    assert {match.row for match in matches} == {*best.values()}


def test_excluded_items_and_their_products_are_left_out(held: Held):
    near = held.nearest(QUERY)
    products = frozenset(held.items[row].product_id for row in near[:4])
    matches = found(held, SimilarQuery(10), rows=frozenset(near[:4]), products=products)
    assert len(matches) == 10
    assert not products & {match.item.product_id for match in matches}


def test_the_category_counts_and_all_its_searches_are_sent_at_once(held: Held, s3vectors: S3VectorsServer):
    bonuses = {"sofas": 0.05, "lamps": 0.6, "tables": 0.15}
    matches = found(held, SimilarQuery(6, distinct="image"), bonuses)
    keys = [held.vectors[row] @ QUERY + bonuses[held.items[row].category] for row in range(COUNT)]
    assert [match.row for match in matches] == np.argsort(-np.array(keys), kind="stable")[:6].tolist()
    filters = [b'"category"' in call.body for call in s3vectors.calls[:3]]
    assert sorted(filters) == [False, True, True]  # sofas have less than a tenth of all bonuses


def test_words_alone_have_no_scores(held: Held):
    matches = Finder(held.engine).by_words(Selection(SimilarQuery(3, words="velvet", distinct="image")))
    assert len(matches) == 3
    assert all(np.isnan(match.score) for match in matches)
    assert all(match.row % 10 == 0 for match in matches)


def test_words_obey_filters(held: Held):
    query = SimilarQuery(50, CatalogFilter("sofas", min_price=1), words="velvet", distinct="image")
    rows = {match.row for match in Finder(held.engine).by_words(Selection(query))}
    assert rows == {row for row in range(0, COUNT, 10) if row // 5 % 3 == 0 and row % 4}


def test_words_and_picture_are_fused_and_scores_stay_cosines(held: Held, s3vectors: S3VectorsServer):
    s3vectors.backend.pages.sizes = (7,)
    matches = found(held, SimilarQuery(20, words="velvet", distinct="image"))
    near, cosines = held.nearest(QUERY), held.vectors @ QUERY
    (search,) = [held.engine.by_words("velvet", ALL)]
    having = []
    while True:
        having = [*search.rows]
        if search.bound == NOTHING:
            break
        search.deepen()
    ranks = np.array([having.index(row) + 1 if row in having else 0 for row in near])
    expected = fused({row: float(cosines[row]) for row in near}, COUNT, np.zeros(COUNT), ranks)
    assert [match.row for match in matches] == expected[:20]
    for match in matches:
        assert match.score == pytest.approx(float(cosines[match.row]), abs=1e-6)


def test_words_that_are_far_by_picture_get_their_cosines_from_their_vectors(
    held: Held, s3vectors: S3VectorsServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lambda_app.search.s3vectors.engine.DEPTH", 5)
    monkeypatch.setattr("lambda_app.search.s3vectors.blending.DEPTH", 5)
    matches = found(held, SimilarQuery(10, words="velvet", distinct="image"))
    assert len(matches) == 10
    assert s3vectors.counts()["GetVectors"] >= 1
    for match in matches:
        assert match.score == pytest.approx(float(held.vectors[match.row] @ QUERY), abs=1e-6)


def test_words_that_no_item_has_leave_the_order_of_the_picture(held: Held):
    assert held.engine.blended(QUERY, "zebra", ALL, {}) is None
    matches = found(held, SimilarQuery(5, words="zebra", distinct="image"))
    assert [match.row for match in matches] == held.nearest(QUERY)[:5]


def test_stored_items_come_with_vector_and_row_without_description(held: Held):
    stored = held.engine.stored(["photo-007", "unknown", "photo-003"])
    assert [*stored] == ["photo-007", "photo-003"]
    assert (stored["photo-007"].row, stored["photo-007"].item.description) == (7, None)
    np.testing.assert_allclose(stored["photo-003"].vector, held.vectors[3], atol=1e-6)
    assert held.engine.items(["photo-003"]) == {"photo-003": held.items[3]}


def test_blocked_items_are_in_no_answer(held: Held):
    near = held.nearest(QUERY)
    blocked = held.engine.without(["photo-003"], [held.items[near[0]].product_id])
    assert blocked.stored(["photo-003", held.items[near[0]].image_id]) == {}
    assert blocked.items(["photo-003"]) == {}
    (search,) = blocked.searches(QUERY, [ALL], 10)
    assert near[0] not in search.rows
    rows = [*blocked.page(ALL, 0, 10, one_per_product=False).rows]
    assert 3 not in rows
    assert "photo-003" in blocked.without([], []).items(["photo-003"])


def test_fingerprints_come_with_the_matches(held: Held):
    matches = found(held, SimilarQuery(4))
    prints = held.engine.fingerprints(matches)
    assert prints is not None
    np.testing.assert_array_equal(
        np.stack([one for one in prints if one is not None]), held.prints[[match.row for match in matches]]
    )
    bare = held.engine.fingerprints([*matches, Match(0, 0.0, held.items[0])])
    assert bare is not None
    assert [one is None for one in bare] == [False] * 4 + [True]
    assert held.engine.fingerprints([]) == []


def test_photos_are_compared_although_a_vector_has_no_fingerprint(held: Held):
    stray = {"key": "stray", "data": {"float32": QUERY.tolist()}, "metadata": metadata_of(500, held.items[3])}
    held.index.client.put_vectors(vectorBucketName=held.index.bucket, indexName=held.index.name, vectors=[stray])
    same = SamePhotos(held.engine, 0.1)
    near = held.nearest(QUERY)
    asked = (np.kron(cells_of(held.prints[near[:1]])[0], np.ones((4, 4))).astype(np.float32),)
    assert [match.item.image_id for match in same.duplicates(QUERY, asked, 5)] == [held.items[near[0]].image_id]
    marked = same.marked(found(held, SimilarQuery(3, distinct="image")), asked)
    assert [match.same_photo for match in marked] == [None, True, False]
    bare = [replace(match, fingerprint=None) for match in marked]
    assert same.marked(bare, asked) == bare


def test_a_zero_vector_is_refused_before_the_call(held: Held, s3vectors: S3VectorsServer):
    with pytest.raises(QueryError, match="the query vector is zero"):
        held.engine.searches(np.zeros(DIM, np.float32), [ALL], 4)
    assert s3vectors.calls == []


@pytest.mark.parametrize("where", [ALL, CatalogFilter("lamps"), CatalogFilter(min_price=10, max_price=90)])
@pytest.mark.parametrize("one_per_product", [False, True])
def test_pages_go_through_the_catalogue_in_the_order_of_its_rows(
    held: Held, where: CatalogFilter, one_per_product: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lambda_app.search.s3vectors.browsing._LEAST_WINDOW", 16)
    passing = [
        row
        for row, item in enumerate(held.items)
        if where.category in (None, item.category)
        and (where.min_price is None or (item.price is not None and 10 <= item.price <= 90))
    ]
    if one_per_product:
        passing = [row for row in passing if not [one for one in passing if one // 5 == row // 5 and one < row]]
    rows: list[int] = []
    start: int | None = 0
    while start is not None:
        page = held.engine.page(where, start, 7, one_per_product=one_per_product)
        assert [item.image_id for item in page.items] == [f"photo-{row:03}" for row in page.rows]
        rows += page.rows
        start = page.next
    assert rows == passing


def test_products_with_many_photos_do_not_hide_that_others_were_on_a_page_before(
    held: Held, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(browsing, "_PHOTOS_BEFORE", 3)  # fewer than the five photos of each product
    page = held.engine.page(ALL, 49, 100, one_per_product=True)
    assert page.rows == list(range(50, COUNT, 5))
    page = held.engine.page(CatalogFilter("sofas"), 48, 100, one_per_product=True)
    assert page.rows == [row for row in range(50, COUNT, 5) if row // 5 % 3 == 0]


def test_pages_reach_rows_that_a_load_has_numbered_since_the_release_was_loaded(held: Held):
    before = replace(held.engine, end=90)
    assert before.page(ALL, 85, 100, one_per_product=False).rows == list(range(85, 90))
    page = replace(before, newest_end=lambda: COUNT).page(ALL, 85, 100, one_per_product=False)
    assert (page.rows, page.next) == (list(range(85, COUNT)), None)
    page = replace(before, newest_end=lambda: COUNT).page(ALL, 85, 5, one_per_product=False)
    assert (page.rows, page.next) == (list(range(85, 90)), 90)
    assert replace(before, newest_end=lambda: 0).page(ALL, 85, 100, one_per_product=False).next is None


def test_a_page_that_takes_long_ends_early_with_a_next_one(held: Held, slept: Slept, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(browsing, "_LEAST_WINDOW", 2)
    monkeypatch.setattr(browsing, "_GROWTH", 1)
    real = held.index.client.query_vectors

    def slow(**given: object) -> object:
        slept.now += 0.9
        return real(**given)

    monkeypatch.setattr(held.index.client, "query_vectors", slow)
    page = held.engine.page(CatalogFilter(min_price=119), 0, 1, one_per_product=False)
    assert (page.rows, page.next) == ([], 6)


def test_a_page_of_a_rare_category_ends_early_with_a_next_one(held: Held, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lambda_app.search.s3vectors.browsing._LEAST_WINDOW", 4)
    monkeypatch.setattr("lambda_app.search.s3vectors.browsing._MOST_WINDOWS", 2)
    page = held.engine.page(CatalogFilter("tables"), 20, 1, one_per_product=False)
    assert (page.rows, page.next) == ([25], 26)
    rare = held.engine.page(CatalogFilter(min_price=119), 0, 1, one_per_product=False)
    assert (rare.rows, rare.next) == ([], 20)
