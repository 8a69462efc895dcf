"""Goes through a catalog page by page, without a query."""

import numpy as np
import numpy.typing as npt

from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.release.row_set import RowSet
from lambda_app.search.engine import Page
from lambda_app.search.local.nearest import Items

# Bytes of a set of rows that are unpacked at once. A page of a large category ends after the first of these.
_WINDOW = 4096


def page(catalog: Items, where: CatalogFilter, start: int, most: int, one_per_product: bool) -> Page:
    """As `lambda_app.search.engine.Engine.page`."""
    passing = catalog.passing(where)
    rows: list[int] = []
    items: list[CatalogItem] = []
    seen: set[str] = set()
    while len(found := rows_from(passing, start, 2 * most)):
        for row, item in zip(found.tolist(), catalog.items(found.tolist(), described=False), strict=True):
            if len(rows) == most:
                return Page(rows, items, start)
            start = row + 1
            if one_per_product:
                if item.product_id in seen:
                    continue
                seen.add(item.product_id)
                if _first_row(catalog, item.product_id, passing) != row:
                    continue
            rows.append(row)
            items.append(item)
    return Page(rows, items, None)


def rows_from(passing: RowSet, start: int, most: int) -> npt.NDArray[np.int64]:
    """The first `most` rows of a set, from `start` on: int64 (m,), ascending."""
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


def _first_row(catalog: Items, product_id: str, passing: RowSet) -> int:
    rows = np.array(catalog.product_rows(product_id), np.int64)
    return int(rows[passing.holds(rows)][0])
