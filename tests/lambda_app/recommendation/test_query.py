import pytest

from lambda_app.errors import QueryError
from lambda_app.recommendation.query import MAX_REFERENCES, Selection, SimilarQuery, check_references
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from tests.releases import CATEGORIES


def item(name: str) -> CatalogItem:
    """Image "a1" is of product "a"."""
    return CatalogItem(name, name[0], "Sofas", None, None, None, "datasets/x")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (SimilarQuery(k=0), "k is 0; it takes 1 to 100"),
        (SimilarQuery(k=-1), "k is -1"),
        (SimilarQuery(k=10**9), "k is 1000000000; it takes 1 to 100"),
        (SimilarQuery(min_score=1.5), "min_score is 1.5; a cosine is in"),
        (SimilarQuery(min_score=float("nan")), "min_score is nan"),
        (SimilarQuery(where=CatalogFilter(min_price=float("inf"))), "min_price is inf"),
        (SimilarQuery(where=CatalogFilter(max_price=float("nan"))), "max_price is nan"),
        (SimilarQuery(where=CatalogFilter(min_price=2, max_price=1)), "min_price 2 is above max_price 1"),
        (SimilarQuery(where=CatalogFilter("Boats")), "category 'Boats' is unknown.*Home & Garden; Baby"),
        (SimilarQuery(where=CatalogFilter("B" * 1000)), r"category 'B{80}\.\.\.' is unknown"),
        (SimilarQuery(words="x" * 201), "q has 201 characters; it takes up to 200"),
        (SimilarQuery(words="\0 ?* 😀"), r"q is '\\x00 \?\* 😀'; it takes at least one letter or digit"),
        (SimilarQuery(words=" "), "q is ' '; it takes at least one letter or digit"),
        (SimilarQuery(words="".join(map(chr, range(0x3300, 0x33C8)))), r"q has \d{3} words; it takes up to 200"),
    ],
)
def test_a_parameter_out_of_range_is_named(query: SimilarQuery, says: str):
    with pytest.raises(QueryError, match=says):
        query.check(100, CATEGORIES)


def test_words_within_the_limits_are_taken():
    for words in ("", "a", "沙", "x" * 200, '"NEAR(', "a " * 100):
        SimilarQuery(words=words).check(100, CATEGORIES)


@pytest.mark.parametrize(
    ("liked", "disliked", "says"),
    [
        ([], [], "liked is empty"),
        (["003a"] * (MAX_REFERENCES + 1), [], "liked holds 101 image ids; it takes up to 100"),
        (["003a"], ["004a"] * 101, "disliked holds 101"),
        (["003a", "004a"], ["004a"], "'004a' is both liked and disliked"),
    ],
)
def test_bad_references_are_named(liked: list[str], disliked: list[str], says: str):
    with pytest.raises(QueryError, match=says):
        check_references(liked, disliked)


@pytest.mark.parametrize(
    ("selection", "picked"),
    [
        (Selection(SimilarQuery(k=2)), ["a1", "b1"]),
        (Selection(SimilarQuery(k=2, distinct="image")), ["a1", "a2"]),
        (Selection(SimilarQuery(k=9)), ["a1", "b1", "c1"]),
        (Selection(SimilarQuery(k=9, min_score=0.7, distinct="image")), ["a1", "a2", "b1"]),
        (Selection(SimilarQuery(k=9), rows=frozenset([10])), ["a2", "b1", "c1"]),
        (Selection(SimilarQuery(k=9), rows=frozenset([10]), products=frozenset("a")), ["b1", "c1"]),
    ],
)
def test_the_best_that_answer_are_picked(selection: Selection, picked: list[str]):
    names = ["a1", "a2", "b1", "c1"]
    matches = selection.pick([10, 11, 12, 13], [0.9, 0.8, 0.7, 0.6], [item(name) for name in names])
    assert [match.item.image_id for match in matches] == picked
    assert [match.row - 10 for match in matches] == [names.index(name) for name in picked]
