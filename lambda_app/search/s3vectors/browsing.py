"""The items of an index in the order of their rows, page by page.

The service lists vectors in an order of its own. So a page is made of windows of rows: a query with a filter by row has
all items of a window as results, in whatever order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.search.engine import Page
from lambda_app.search.s3vectors.results import Results, filter_of, vector_of
from lambda_app.search.s3vectors.schema import MOST_RESULTS

_LEAST_WINDOW, _GROWTH = 100, 4
# Of a rare category, a page may end early: after so many windows, of which the last ones have 10,000 rows.
_MOST_WINDOWS = 10


@dataclass(frozen=True)
class Windows:
    """Reads windows of the rows of an index.

    Attributes:
        ask: sends a query for so many results.
        dim: of the vectors.
        end: the lowest row that no item has had.
    """

    ask: Callable[[dict[str, Any], int], Results]
    dim: int
    end: int

    def page(self, where: CatalogFilter, start: int, most: int, *, one_per_product: bool) -> Page:
        """As `lambda_app.search.engine.Engine.page` says. A page may be short although there is a next one."""
        found: list[tuple[int, CatalogItem]] = []
        window = max(_LEAST_WINDOW, 2 * most)
        for _ in range(_MOST_WINDOWS):
            if start >= self.end or len(found) > most:
                break
            stop = min(self.end, start + window)
            found += self._window(where, start, stop, one_per_product=one_per_product)
            start, window = stop, min(MOST_RESULTS, _GROWTH * window)
        following = found[most][0] if len(found) > most else start
        rows, items = [row for row, _ in found[:most]], [item for _, item in found[:most]]
        return Page(rows, items, following if following < self.end else None)

    def _window(
        self, where: CatalogFilter, start: int, stop: int, *, one_per_product: bool
    ) -> list[tuple[int, CatalogItem]]:
        """The items in a range of rows that pass, in order."""
        within = {"row": {"$gte": start, "$lt": stop}}
        results = self._all(filter_of(where, within), stop - start)
        found = sorted(zip(results.rows, results.items, strict=True), key=lambda pair: pair[0])
        if not one_per_product:
            return found
        seen = self._products_before(where, start, sorted({item.product_id for _, item in found}))
        first = []
        for row, item in found:
            if item.product_id not in seen:
                seen.add(item.product_id)
                first.append((row, item))
        return first

    def _products_before(self, where: CatalogFilter, start: int, products: list[str]) -> set[str]:
        """Which of these products have a photo before a row that passes."""
        seen: set[str] = set()
        for begin in range(0, len(products) if start else 0, _LEAST_WINDOW):
            among = {"product_id": {"$in": products[begin : begin + _LEAST_WINDOW]}}
            results = self._all(filter_of(where, {"row": {"$lt": start}}, among), 10 * _LEAST_WINDOW)
            seen |= {item.product_id for item in results.items}
        return seen

    def _all(self, passing: dict[str, Any], most: int) -> Results:
        """The items that pass a filter, up to so many. The query vector is any one."""
        query = {**vector_of(np.eye(1, self.dim, dtype=np.float32)[0]), **passing}
        return self.ask(query, most).read_all(most)
