"""Searches by an embedding: number of results, filters, products, smallest score, order, ties."""

import numpy as np
import numpy.typing as npt

from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.catalog import CatalogFilter
from reliability.conformance.service.expected import Wanted, check_matches, expect, priced
from reliability.conformance.service.shop import CATEGORIES, CATEGORY_WEIGHT, TWINS, Shop
from reliability.conformance.service.subject import Subject


def first_results(subject: Subject) -> None:
    """The first 1, 4 and 100 products, by several pictures."""
    for seed in range(3):
        for k in (1, 4, 100):
            _check(subject, _picture(subject.shop, seed), SimilarQuery(k, rank="cosine"), Wanted())


def every_photo(subject: Subject) -> None:
    """The first 100 photos, of which products with 20 photos each take many."""
    query = SimilarQuery(100, distinct="image", rank="cosine")
    _check(subject, subject.shop.vectors[3], query, Wanted(distinct=False))


def products_with_many_photos(subject: Subject) -> None:
    """One photo a product, next to products with 20 photos each."""
    for row in (0, 25, 119):
        _check(subject, subject.shop.vectors[row], SimilarQuery(50, rank="cosine"), Wanted())


def category(subject: Subject) -> None:
    """One category; each of them."""
    for name in CATEGORIES:
        query = SimilarQuery(20, CatalogFilter(category=name))
        _check(subject, _picture(subject.shop, 5), query, priced(category=name))


def price_bounds(subject: Subject) -> None:
    """Inclusive price bounds; an item without a price passes none of them."""
    for low, high in ((10.0, None), (None, 10.0), (10.0, 20.0), (10.0, 10.0), (None, 1e9), (-1.0, None)):
        query = SimilarQuery(100, CatalogFilter(min_price=low, max_price=high))
        _check(subject, _picture(subject.shop, 6), query, priced(low, high))


def category_and_price(subject: Subject) -> None:
    """A category and price bounds together, all photos."""
    query = SimilarQuery(100, CatalogFilter("Lamps", 10.0, 100.0), distinct="image")
    wanted = Wanted(priced(10.0, 100.0, "Lamps").qualifies, distinct=False)
    _check(subject, _picture(subject.shop, 7), query, wanted)


def nothing_passes(subject: Subject) -> None:
    """A filter that no item passes gives an empty list."""
    query = SimilarQuery(4, CatalogFilter(min_price=1e7))
    expect(subject.recommender.similar(_picture(subject.shop, 1), query) == [], "something passed")


def smallest_score(subject: Subject) -> None:
    """A smallest score cuts the results; a high one leaves none."""
    picture = _picture(subject.shop, 8)
    for least in (0.2, 0.5):
        query = SimilarQuery(100, min_score=least, rank="cosine")
        _check(subject, picture, query, Wanted(min_score=least))
    query = SimilarQuery(100, min_score=0.999, rank="cosine")
    expect(subject.recommender.similar(picture, query) == [], "a result has a lower score")


def ties(subject: Subject) -> None:
    """Items with one and the same vector all come, each once, before the others."""
    vector = subject.shop.vectors[TWINS.start]
    query = SimilarQuery(len(TWINS), distinct="image", rank="cosine")
    matches = subject.recommender.similar(vector, query)
    check_matches(subject.shop, vector, Wanted(distinct=False), matches, len(TWINS), subject.tolerance)
    found = {match.item.image_id for match in matches}
    expect(found == {subject.shop.items[row].image_id for row in TWINS}, f"found {sorted(found)}")


def category_order(subject: Subject) -> None:
    """By cosine plus the weight times the probability of the item's category."""
    probabilities = np.array([0.05, 0.15, 0.5, 0.3, 0.0], np.float32)
    bonuses = {
        name: CATEGORY_WEIGHT * float(value) for name, value in zip(CATEGORIES, probabilities.tolist(), strict=True)
    }
    for seed in range(4):
        picture = _picture(subject.shop, seed)
        for k in (4, 60):
            matches = subject.recommender.similar(picture, SimilarQuery(k), None, probabilities)
            check_matches(subject.shop, picture, Wanted(bonuses=bonuses), matches, k, subject.tolerance)


def rows(subject: Subject) -> None:
    """Rows are whole numbers from 0, each of one item, and the same in every answer."""
    first = subject.recommender.similar(_picture(subject.shop, 1), SimilarQuery(100, distinct="image"))
    second = subject.recommender.similar(_picture(subject.shop, 1), SimilarQuery(50, distinct="image"))
    expect(len({match.row for match in first}) == len(first), "two items have one row")
    expect(all(type(match.row) is int and match.row >= 0 for match in first), "a row is no whole number from 0")
    known = {match.item.image_id: match.row for match in first}
    expect(all(known[match.item.image_id] == match.row for match in second), "a row changed")


def _picture(shop: Shop, seed: int) -> npt.NDArray[np.float32]:
    """An embedding that is near some items."""
    random = np.random.default_rng(seed)
    mixed = shop.vectors[random.integers(len(shop.items))] + 0.3 * random.normal(size=shop.vectors.shape[1])
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def _check(subject: Subject, picture: npt.NDArray[np.float32], query: SimilarQuery, wanted: Wanted) -> None:
    matches = subject.recommender.similar(picture, query)
    check_matches(subject.shop, picture, wanted, matches, query.k, subject.tolerance)


CASES = (
    first_results,
    every_photo,
    products_with_many_photos,
    category,
    price_bounds,
    category_and_price,
    nothing_passes,
    smallest_score,
    ties,
    category_order,
    rows,
)
