"""What a visitor can look at without a query: the catalogue page by page, and a few held-out photos to try."""

from dataclasses import dataclass

import numpy as np

from lambda_app.errors import QueryError
from lambda_app.recommendation.query import Match, SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.catalog import CatalogItem
from lambda_app.telemetry.timings import Timings

EXAMPLES = 8
_NO_SCORE = float("nan")


@dataclass(frozen=True)
class CataloguePage:
    """Some items in the order of their rows. Their scores are NaN.

    Attributes:
        next: where the next page begins: after this row. None: this is the last page.
    """

    matches: list[Match]
    next: int | None


def browse(recommender: Recommender, query: SimilarQuery, after: int | None, timings: Timings) -> CataloguePage:
    """The first items that pass the filter of a query, after a row; None: from the first row.

    If `query.distinct` is "product", only the first photo of each product that passes. A page costs the same at the
    beginning and at the end of a catalogue.

    Raises:
        QueryError: a parameter of the query is out of range, or `after` is negative.
    """
    recommender.check(query)
    if after is not None and after < 0:
        raise QueryError(f"after is {after}; it takes a row, of at least 0")
    with timings.measure("search"):
        page = recommender.engine.page(
            query.where, 0 if after is None else after + 1, query.k, one_per_product=query.distinct == "product"
        )
    matches = [Match(row, _NO_SCORE, item) for row, item in zip(page.rows, page.items, strict=True)]
    return CataloguePage(matches, None if page.next is None else page.next - 1)


def examples(recommender: Recommender) -> list[CatalogItem]:
    """Up to `EXAMPLES` photos that the network was not fitted on, of different categories as far as there are any.

    They are photos of the release's reference that are still in its catalogue. Releases without one have no examples.
    """
    reference = recommender.manifest.reference
    if reference is None:
        return []
    by_category: dict[int, list[str]] = {}
    for image_id, category in zip(reference.photos, reference.categories, strict=True):
        by_category.setdefault(category, []).append(image_id)
    names = [by_category[category] for category in sorted(by_category)]
    wanted: list[str] = []
    # A photo of each category, then a second one of each, and so on.
    for turn in range(max(map(len, names))):
        chosen = names if len(names) < EXAMPLES else [names[n] for n in _spread(len(names), EXAMPLES)]
        wanted += [image_ids[turn] for image_ids in chosen if turn < len(image_ids)]
    found: list[CatalogItem] = []
    # Of the photos of a reference, most are still in the catalogue.
    for start in range(0, len(wanted), EXAMPLES):
        items = recommender.engine.items(wanted[start : start + EXAMPLES])
        found += [items[image_id] for image_id in wanted[start : start + EXAMPLES] if image_id in items]
        if len(found) >= EXAMPLES:
            break
    return found[:EXAMPLES]


def _spread(count: int, wanted: int) -> list[int]:
    """So many of the numbers below `count`, evenly spread."""
    return [int(number) for number in np.linspace(0, count - 1, wanted).round()]
