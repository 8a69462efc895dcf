"""Searches by words. What engines may differ in is not checked: the order by words alone, and parts of words.

FAISS searches beside an index that also finds the beginning of the last word, and puts items that have all words first.
S3 Vectors ranks whole words by BM25, whose statistics are those of all items. Which items have a word is the same.
"""

import math

import numpy as np

from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from reliability.conformance.service.expected import check_item, expect
from reliability.conformance.service.subject import Subject


def one_word(subject: Subject) -> None:
    """All items with a word in the title, in the category or in the description, and no others."""
    for word in ("crimson", "number58", "Bicycles", "smoke"):
        _check(subject, word, CatalogFilter())


def words_of_other_case(subject: Subject) -> None:
    """Upper case does not count, nor do marks around a word."""
    _check(subject, "  IVORY! ", CatalogFilter(), "ivory")


def words_and_filter(subject: Subject) -> None:
    """The items with a word that pass a filter."""
    _check(subject, "azure", CatalogFilter(category="Shoes"))
    _check(subject, "azure", CatalogFilter(min_price=10, max_price=100))


def no_such_word(subject: Subject) -> None:
    """A word that no item has gives an empty list."""
    found = subject.recommender.search(SimilarQuery(10, words="xylophone"))
    expect(found == [], f"{len(found)} results")


def words_one_product(subject: Subject) -> None:
    """At most one photo a product."""
    found = subject.recommender.search(SimilarQuery(100, words="emerald"))
    products = [match.item.product_id for match in found]
    having = {item.product_id for item in subject.shop.items if _has(item, "emerald")}
    expect(len(set(products)) == len(products), "a product comes twice")
    expect(set(products) <= having, "a product does not have the word")
    expect(len(products) == min(100, len(having)), f"{len(products)} results of {len(having)} products")


def words_and_picture(subject: Subject) -> None:
    """With a picture, the score is the cosine; items that have the word and are near come first."""
    shop, row = subject.shop, 130
    item = shop.items[row]
    word = str(item.title).split()[-1]
    query = SimilarQuery(20, CatalogFilter(category=item.category), words=word, distinct="image")
    matches = subject.recommender.similar(shop.vectors[row], query)
    expect(len(matches) == 20, f"{len(matches)} results")
    expect(len({match.item.image_id for match in matches}) == 20, "an item comes twice")
    for match in matches:
        cosine = float(shop.vectors[shop.row(match.item.image_id)].astype(np.float64) @ shop.vectors[row])
        expect(abs(match.score - cosine) <= subject.tolerance, f"score {match.score} instead of the cosine {cosine}")
        expect(match.item.category == item.category, "an item does not pass the filter")
        check_item(shop, match.item)
    first = {match.item.image_id for match in matches[:4]}
    having = {one.image_id for one in shop.items if one.product_id == item.product_id and _has(one, word)}
    expect(first == having, f"the first are {sorted(first)}, not {sorted(having)}")


def word_far_from_the_picture(subject: Subject) -> None:
    """An item with the word is found although its picture is far from the query; the score is still the cosine."""
    shop = subject.shop
    picture = shop.vectors[0]
    cosines = shop.vectors.astype(np.float64) @ picture
    item = shop.items[min(range(130, 300), key=lambda row: cosines[row])]
    word = str(item.title).split()[-1] if item.title else f"number{int(item.product_id[-3:])}"
    having = [row for row, one in enumerate(shop.items) if _has(one, word)]
    rank = int(np.sum(cosines > cosines[having].max()))
    expect(rank > 250, f"only {rank} items are nearer: the case decides nothing")
    query = SimilarQuery(40, words=word, distinct="image", rank="cosine")
    matches = subject.recommender.similar(picture, query)
    found = {match.item.image_id: match.score for match in matches}
    expect(len(found) == 40, f"{len(found)} items")
    missing = {shop.items[row].image_id for row in having} - found.keys()
    expect(not missing, f"with {word!r}, but not found: {sorted(missing)}")
    for image_id, score in found.items():
        cosine = cosines[shop.row(image_id)]
        expect(abs(score - cosine) <= subject.tolerance, f"{image_id!r} has score {score}, not {cosine}")


def unknown_word_and_picture(subject: Subject) -> None:
    """If no item has the word, the picture alone decides."""
    picture = subject.shop.vectors[77]
    with_word = subject.recommender.similar(picture, SimilarQuery(20, words="xylophone", rank="cosine"))
    alone = subject.recommender.similar(picture, SimilarQuery(20, rank="cosine"))
    expect([match.row for match in with_word] == [match.row for match in alone], "the results differ")


def _has(item: CatalogItem, word: str) -> bool:
    """Whether an item has a word; the texts of the suite have no other marks than these."""
    text = " ".join(part for part in (item.title, item.category, item.description) if part).lower()
    return word.lower() in text.replace(",", " ").replace("-", " ").split()


def _check(subject: Subject, words: str, where: CatalogFilter, plain: str = "") -> None:
    matches = subject.recommender.search(SimilarQuery(100, where, words=words, distinct="image"))
    having = {
        item.image_id
        for item in subject.shop.items
        if _has(item, plain or words)
        and where.category in (None, item.category)
        and (where.min_price is None or (item.price is not None and item.price >= where.min_price))
        and (where.max_price is None or (item.price is not None and item.price <= where.max_price))
    }
    found = {match.item.image_id for match in matches}
    expect(having, f"no item has {words!r}: the case decides nothing")
    expect(len(found) == len(matches), "an item comes twice")
    expect(found <= having, f"without {words!r}: {sorted(found - having)[:3]}")
    expect(len(found) == min(100, len(having)), f"{len(found)} results of {len(having)} items with {words!r}")
    expect(all(math.isnan(match.score) for match in matches), "there is a score without a picture")
    for match in matches:
        check_item(subject.shop, match.item)


CASES = (
    one_word,
    words_of_other_case,
    words_and_filter,
    no_such_word,
    words_one_product,
    words_and_picture,
    word_far_from_the_picture,
    unknown_word_and_picture,
)
