"""What a visitor can look at without a query: the catalogue page by page, and a few held-out photos to try."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.errors import QueryError
from lambda_app.recommendation.query import Match, SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.recommendation.searched import Items
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.row_set import RowSet
from lambda_app.telemetry.timings import Timings

EXAMPLES = 8
# Bytes of a set of rows that are unpacked at once. A page of a large category ends after the first of these.
_WINDOW = 4096
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
        return _page(recommender.same.catalog, query, 0 if after is None else after + 1)


def examples(recommender: Recommender) -> list[CatalogItem]:
    """Up to `EXAMPLES` photos that the network was not fitted on, of different categories as far as there are any.

    They are photos of the release's reference that are still in its catalogue. Releases without one have no examples.
    """
    reference, catalog = recommender.manifest.reference, recommender.same.catalog
    if reference is None:
        return []
    by_category: dict[int, list[str]] = {}
    for image_id, category in zip(reference.photos, reference.categories, strict=True):
        by_category.setdefault(category, []).append(image_id)
    names = [by_category[category] for category in sorted(by_category)]
    rows: list[int] = []
    # A photo of each category, then a second one of each, until there are enough.
    for turn in range(max(map(len, names))):
        chosen = names if len(names) < EXAMPLES else [names[n] for n in _spread(len(names), EXAMPLES)]
        for image_ids in chosen:
            row = catalog.find(image_ids[turn]) if turn < len(image_ids) else None
            rows += [] if row is None else [row]
            if len(rows) == EXAMPLES:
                return catalog.items(rows, described=False)
    return catalog.items(rows, described=False)


def _spread(count: int, wanted: int) -> list[int]:
    """So many of the numbers below `count`, evenly spread."""
    return [int(number) for number in np.linspace(0, count - 1, wanted).round()]


def _page(catalog: Items, query: SimilarQuery, start: int) -> CataloguePage:
    passing = catalog.passing(query.where)
    matches: list[Match] = []
    seen: set[str] = set()
    while len(rows := _rows_from(passing, start, 2 * query.k)):
        for row, item in zip(rows.tolist(), catalog.items(rows.tolist(), described=False), strict=True):
            if len(matches) == query.k:
                return CataloguePage(matches, start - 1)
            start = row + 1
            if query.distinct == "product":
                if item.product_id in seen:
                    continue
                seen.add(item.product_id)
                if _first_row(catalog, item.product_id, passing) != row:
                    continue
            matches.append(Match(row, _NO_SCORE, item))
    return CataloguePage(matches, None)


def _first_row(catalog: Items, product_id: str, passing: RowSet) -> int:
    rows = np.array(catalog.product_rows(product_id), np.int64)
    return int(rows[passing.holds(rows)][0])


def _rows_from(passing: RowSet, start: int, most: int) -> npt.NDArray[np.int64]:
    """The first `most` rows of a set, from `start` on."""
    found: list[npt.NDArray[np.int64]] = []
    missing = most
    for begin in range(start >> 3, len(passing.bits), _WINDOW):
        mask = np.unpackbits(passing.bits[begin : begin + _WINDOW], bitorder="little")
        rows = np.flatnonzero(mask) + 8 * begin
        found.append(rows[rows >= start][:missing])
        missing -= len(found[-1])
        if not missing:
            break
    return np.concatenate(found) if found else np.empty(0, np.int64)
