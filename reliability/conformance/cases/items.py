"""Searches by items of the catalogue, recommendations, items by id, and blocked items."""

import numpy as np

from lambda_app.errors import QueryError, UnknownItemError
from lambda_app.recommendation.query import MAX_REFERENCES, SimilarQuery
from lambda_app.release.catalog import CatalogFilter
from lambda_app.store.blocked import BlockedItems
from reliability.conformance.service.expected import Wanted, check_item, check_matches, expect, without
from reliability.conformance.service.shop import Shop
from reliability.conformance.service.subject import Subject


def similar_to_an_item(subject: Subject) -> None:
    """The items most similar to an item, without its product; of all photos, without the item."""
    for row in (0, 30, 121, 330):
        item = subject.shop.items[row]
        matches = subject.recommender.similar_to(item.image_id, SimilarQuery(20))
        wanted = without(product_ids=[item.product_id])
        check_matches(subject.shop, subject.shop.vectors[row], wanted, matches, 20, subject.tolerance)
        matches = subject.recommender.similar_to(item.image_id, SimilarQuery(100, distinct="image"))
        wanted = Wanted(without([item.image_id]).qualifies, distinct=False)
        check_matches(subject.shop, subject.shop.vectors[row], wanted, matches, 100, subject.tolerance)


def items_by_id(subject: Subject) -> None:
    """An item has all its fields, the description included."""
    for row in (0, 1, 17, 130, len(subject.shop.items) - 1):
        item = subject.shop.items[row]
        check_item(subject.shop, subject.recommender.item(item.image_id), described=True)


def vectors_by_id(subject: Subject) -> None:
    """The stored vector of an item is the one that was loaded."""
    for row in (0, 7, 200):
        image_id, vector = subject.shop.items[row].image_id, subject.shop.vectors[row]
        expect(abs(subject.recommender.cosine(vector, image_id) - 1) < subject.tolerance, f"vector of {image_id!r}")


def unknown_ids(subject: Subject) -> None:
    """An id that the catalogue does not have is named in the error, wherever it is asked for."""
    ask, known = subject.recommender, subject.shop.items[0].image_id
    for call in (
        lambda: ask.item("no/such item"),
        lambda: ask.similar_to("no/such item", SimilarQuery()),
        lambda: ask.recommend([known, "no/such item"], [], SimilarQuery()),
        lambda: ask.recommend([known], ["no/such item"], SimilarQuery()),
    ):
        try:
            call()
        except UnknownItemError as exc:
            expect("no/such item" in str(exc), f"the message does not name the id: {exc}")
        else:
            expect(False, "an unknown id was accepted")


def recommendation(subject: Subject) -> None:
    """Near to one item and far from another, neither of their products, with a filter."""
    shop = subject.shop
    liked, disliked = shop.items[12], shop.items[150]
    query = SimilarQuery(30, CatalogFilter(min_price=10.0))
    matches = subject.recommender.recommend([liked.image_id], [disliked.image_id], query)
    products = {liked.product_id, disliked.product_id}
    wanted = Wanted(lambda item: item.product_id not in products and item.price is not None and item.price >= 10)
    check_matches(shop, _direction(shop, [12], [150]), wanted, matches, 30, subject.tolerance)


def recommendation_of_many(subject: Subject) -> None:
    """100 liked and 100 disliked items: none of the 200 is a result."""
    shop = subject.shop
    likes = [*range(0, 2 * MAX_REFERENCES, 2)]
    dislikes = [row + 1 for row in likes]
    ids = [item.image_id for item in shop.items]
    for distinct in ("image", "product"):
        matches = subject.recommender.recommend(
            [ids[row] for row in likes],
            [ids[row] for row in dislikes],
            SimilarQuery(100, distinct="image" if distinct == "image" else "product"),
        )
        named = [shop.items[row] for row in (*likes, *dislikes)]
        products = {item.product_id for item in named} if distinct == "product" else set()
        wanted = without({item.image_id for item in named}, products)
        wanted = Wanted(wanted.qualifies, distinct=distinct == "product")
        check_matches(shop, _direction(shop, likes, dislikes), wanted, matches, 100, subject.tolerance)


def items_that_cancel_out(subject: Subject) -> None:
    """Items whose vectors cancel out, or that are liked and disliked, are an error of the query."""
    ids = [item.image_id for item in subject.shop.items]
    for liked, disliked in (([ids[3]], [ids[3]]), ([], [ids[3]]), (ids[: MAX_REFERENCES + 1], [])):
        try:
            subject.recommender.recommend(liked, disliked, SimilarQuery())
        except QueryError:
            continue
        expect(False, f"accepted {len(liked)} liked and {len(disliked)} disliked")


def blocked_items(subject: Subject) -> None:
    """Blocked photos and products are in no answer; blocking nothing brings them back."""
    shop = subject.shop
    near = subject.recommender.similar(shop.vectors[3], SimilarQuery(40, distinct="image"))
    images = tuple(match.item.image_id for match in near[:10])
    products = (near[20].item.product_id, near[39].item.product_id, "product-unknown")
    blocked = subject.recommender.without(BlockedItems(image_ids=images, product_ids=products))
    for distinct in (False, True):
        query = SimilarQuery(100, distinct="product" if distinct else "image")
        wanted = Wanted(without(images, products).qualifies, distinct=distinct)
        matches = blocked.similar(shop.vectors[3], query)
        check_matches(shop, shop.vectors[3], wanted, matches, 100, subject.tolerance)
    for image_id in (images[0], near[20].item.image_id):
        for call in (blocked.item, lambda image_id: blocked.similar_to(image_id, SimilarQuery())):
            try:
                call(image_id)
            except UnknownItemError:
                continue
            expect(False, f"{image_id!r} is blocked and was answered")
    again = blocked.without(BlockedItems())
    matches = again.similar(shop.vectors[3], SimilarQuery(100))
    check_matches(shop, shop.vectors[3], Wanted(), matches, 100, subject.tolerance)


def many_blocked_items(subject: Subject) -> None:
    """200 blocked photos, the nearest ones."""
    shop = subject.shop
    order = np.argsort(-(shop.vectors @ shop.vectors[3]), kind="stable")
    images = tuple(shop.items[row].image_id for row in order[:200])
    blocked = subject.recommender.without(BlockedItems(image_ids=images))
    wanted = Wanted(without(images).qualifies, distinct=False)
    matches = blocked.similar(shop.vectors[3], SimilarQuery(20, distinct="image"))
    check_matches(shop, shop.vectors[3], wanted, matches, 20, subject.tolerance)


def _direction(shop: Shop, likes: list[int], dislikes: list[int]) -> np.ndarray:
    """docs/design.md: the mean of the liked vectors minus 0.2 times the mean of the disliked."""
    vectors = shop.vectors.astype(np.float64)
    return np.asarray(vectors[likes].mean(axis=0) - 0.2 * vectors[dislikes].mean(axis=0))


CASES = (
    similar_to_an_item,
    items_by_id,
    vectors_by_id,
    unknown_ids,
    recommendation,
    recommendation_of_many,
    items_that_cancel_out,
    blocked_items,
    many_blocked_items,
)
