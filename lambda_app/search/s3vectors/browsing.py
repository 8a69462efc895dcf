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

_LEAST_WINDOW, _LARGEST_WINDOW, _GROWTH = 100, 9_000, 4
_PHOTOS_BEFORE = 1_000  # of up to 100 products, in one query
# Of a rare category, a page may end early: after so many windows, of which the last ones have 9,000 rows, or after so
# many seconds.
_MOST_WINDOWS, _MOST_SECONDS = 10, 2.0


@dataclass(frozen=True)
class Windows:
    """Reads windows of the rows of an index.

    Attributes:
        ask: sends a query for so many results.
        dim: of the vectors.
        end: the lowest row that no item has had, as far as is known.
        newest_end: reads it again; asked at the end of the rows, because a load may have given items new rows since.
        clock: seconds.
    """

    ask: Callable[[dict[str, Any], int], Results]
    dim: int
    end: int
    newest_end: Callable[[], int]
    clock: Callable[[], float]

    def page(self, where: CatalogFilter, start: int, most: int, *, one_per_product: bool) -> Page:
        """As `lambda_app.search.engine.Engine.page` says. A page may be short although there is a next one."""
        found: list[tuple[int, CatalogItem]] = []
        window, until = max(_LEAST_WINDOW, 2 * most), self.clock() + _MOST_SECONDS
        end, over = self.end, False
        for number in range(_MOST_WINDOWS):
            if len(found) > most or (number and self.clock() > until):
                break
            if start >= end:
                end = max(end, self.newest_end())
                if over := start >= end:
                    break
            stop = min(end, start + window)
            found += self._window(where, start, stop, one_per_product=one_per_product)
            start, window = stop, min(_LARGEST_WINDOW, _GROWTH * window)
        while 0 < most < len(found) and found[most][0] == found[most - 1][0]:
            most += 1  # a row that two vectors claim is not divided
        rows, items = [row for row, _ in found[:most]], [item for _, item in found[:most]]
        if len(found) > most:
            return Page(rows, items, found[most][0])
        return Page(rows, items, None if over else start)

    def _window(
        self, where: CatalogFilter, start: int, stop: int, *, one_per_product: bool
    ) -> list[tuple[int, CatalogItem]]:
        """The items in a range of rows that pass, in order."""
        within = {"row": {"$gte": start, "$lt": stop}}
        # One more than there are rows. If there are as many results, something else has written vectors there.
        results = self._all(filter_of(where, within), stop - start + 1)
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
        left = products if start else []
        while left:
            batch, left = left[:_LEAST_WINDOW], left[_LEAST_WINDOW:]
            among = {"product_id": {"$in": batch}}
            results = self._all(filter_of(where, {"row": {"$lt": start}}, among), _PHOTOS_BEFORE)
            found = {item.product_id for item in results.items}
            seen |= found
            if results.more and found:  # the photos of these may have left no place for those of others
                left = [product for product in batch if product not in found] + left
        return seen

    def _all(self, passing: dict[str, Any], most: int) -> Results:
        """The items that pass a filter, up to so many. The query vector is any one."""
        query = {**vector_of(np.eye(1, self.dim, dtype=np.float32)[0]), **passing}
        return self.ask(query, most).read_all(most)
