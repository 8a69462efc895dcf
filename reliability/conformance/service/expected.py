"""What a search must find, computed exactly from the catalogue. It shares no code with the engines."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.errors import LookalikeError
from lambda_app.recommendation.query import Match
from lambda_app.release.catalog import CatalogItem
from reliability.conformance.service.shop import Shop


class MismatchError(LookalikeError):
    """An answer is not the one that was expected."""


def expect(condition: object, message: str) -> None:
    """Go on only if a condition holds.

    Raises:
        MismatchError: with the message, if it does not.
    """
    if not condition:
        raise MismatchError(message)


@dataclass(frozen=True)
class Wanted:
    """What may be a result, and in which order.

    Attributes:
        qualifies: whether an item may be a result.
        bonuses: what is added to a cosine for the order, by category.
        distinct: at most one photo a product.
    """

    qualifies: Callable[[CatalogItem], bool] = lambda _item: True
    min_score: float = -1.0
    bonuses: Mapping[str, float] | None = None
    distinct: bool = True


def priced(low: float | None = None, high: float | None = None, category: str | None = None) -> Wanted:
    """Items with a price in these bounds, in a category."""

    def qualifies(item: CatalogItem) -> bool:
        if category is not None and item.category != category:
            return False
        if low is None and high is None:
            return True
        return item.price is not None and (low is None or item.price >= low) and (high is None or item.price <= high)

    return Wanted(qualifies)


def without(image_ids: Collection[str] = (), product_ids: Collection[str] = ()) -> Wanted:
    """Items that are neither of these photos nor of these products."""
    images, products = set(image_ids), set(product_ids)
    return Wanted(lambda item: item.image_id not in images and item.product_id not in products)


def check_matches(
    shop: Shop, query: npt.NDArray[np.floating], wanted: Wanted, matches: Sequence[Match], k: int, tolerance: float
) -> None:
    """Check the results of a search by picture; items with equal scores may come in any order.

    Args:
        shop: the catalogue.
        query: (d,), of any length above 0.
        wanted: what may be a result.
        matches: the results.
        k: how many were asked for.
        tolerance: by how much a score may differ.

    Raises:
        MismatchError: a result is missing, does not qualify, has a wrong score or place, or comes twice.
    """
    direction = np.array(query, np.float64) / np.linalg.norm(np.array(query, np.float64))
    cosines = {
        item.image_id: float(vector.astype(np.float64) @ direction)
        for item, vector in zip(shop.items, shop.vectors, strict=True)
        if wanted.qualifies(item)
    }
    bonuses = wanted.bonuses or {}
    by_id = {item.image_id: item for item in shop.items}
    keys = {
        image_id: cosine + bonuses.get(by_id[image_id].category, 0.0)
        for image_id, cosine in cosines.items()
        if cosine >= wanted.min_score
    }
    best = sorted(keys.values(), reverse=True)
    if wanted.distinct:
        of_product: dict[str, float] = {}
        for image_id, key in keys.items():
            product = by_id[image_id].product_id
            of_product[product] = max(key, of_product.get(product, key))
        best = sorted(of_product.values(), reverse=True)
        products = [match.item.product_id for match in matches]
        expect(len(set(products)) == len(products), f"a product comes twice: {products}")
    found = [match.item.image_id for match in matches]
    expect(len(set(found)) == len(found), f"an item comes twice: {found}")
    expect(len(found) == min(k, len(best)), f"{len(found)} results instead of {min(k, len(best))}")
    for place, match in enumerate(matches):
        image_id = match.item.image_id
        expect(image_id in keys, f"{image_id!r} does not qualify")
        expect(
            abs(match.score - cosines[image_id]) <= tolerance,
            f"{image_id!r} has score {match.score}, not {cosines[image_id]}",
        )
        expect(
            abs(keys[image_id] - best[place]) <= 2 * tolerance,
            f"place {place} has {image_id!r} with {keys[image_id]}; the best that is left has {best[place]}",
        )
        check_item(shop, match.item)


def check_item(shop: Shop, item: CatalogItem, *, described: bool = False) -> None:
    """Check the fields of an item of a result.

    Args:
        shop: the catalogue.
        item: as it was answered.
        described: whether it has its description.

    Raises:
        MismatchError: a field is another.
    """
    own = shop.items[shop.row(item.image_id)]
    names = ["product_id", "category", "title", "price", "location", "photo", *(["description"] if described else [])]
    for name in names:
        got, want = getattr(item, name), getattr(own, name)
        expect(got == want, f"{name} of {item.image_id!r} is {got!r}, not {want!r}")
