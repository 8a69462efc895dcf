"""What a visitor can look at without a query: the catalogue page by page, and a few held-out photos to try."""

from dataclasses import replace

import numpy as np

from lambda_app.errors import QueryError
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.catalog import CatalogItem
from lambda_app.search.engine import Page
from lambda_app.telemetry.timings import Timings

EXAMPLES = 8


def browse(recommender: Recommender, query: SimilarQuery, after: int | None, timings: Timings) -> Page:
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
        start, product = 0 if after is None else after + 1, query.distinct == "product"
        return recommender.engine.page(query.where, start, query.k, first_of_product=product)


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
    found: list[CatalogItem] = []
    # A photo of each category, then a second one of each, until there are enough.
    for turn in range(max(map(len, names))):
        chosen = names if len(names) < EXAMPLES else [names[n] for n in _spread(len(names), EXAMPLES)]
        known = recommender.engine.items([image_ids[turn] for image_ids in chosen if turn < len(image_ids)])
        found += [replace(item, description=None) for item in known.values()]
        if len(found) >= EXAMPLES:
            break
    return found[:EXAMPLES]


def _spread(count: int, wanted: int) -> list[int]:
    """So many of the numbers below `count`, evenly spread."""
    return [int(number) for number in np.linspace(0, count - 1, wanted).round()]
