"""The items of a catalog in the order of its rows, page by page."""

import numpy as np
import numpy.typing as npt

from lambda_app.release.catalog import CatalogFilter
from lambda_app.release.row_set import RowSet
from lambda_app.search.engine import Match, Page
from lambda_app.search.local.nearest import Items

# Bytes of a set of rows that are unpacked at once. A page of a large category ends after the first of these.
_WINDOW = 4096
_NO_SCORE = float("nan")


def page_of(catalog: Items, where: CatalogFilter, start: int, most: int, *, first_of_product: bool) -> Page:
    """As `lambda_app.search.engine.Engine.page` says."""
    passing = catalog.passing(where)
    matches: list[Match] = []
    seen: set[str] = set()
    while len(rows := _rows_from(passing, start, 2 * most)):
        for row, item in zip(rows.tolist(), catalog.items(rows.tolist(), described=False), strict=True):
            if len(matches) == most:
                return Page(matches, start - 1)
            start = row + 1
            if first_of_product:
                if item.product_id in seen:
                    continue
                seen.add(item.product_id)
                if _first_row(catalog, item.product_id, passing) != row:
                    continue
            matches.append(Match(row, _NO_SCORE, item))
    return Page(matches, None)


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
