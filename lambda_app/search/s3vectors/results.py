"""What a query of an index finds: pages of results, as rows with scores, items and fingerprints."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.errors import QueryError
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.search.engine import NOTHING
from lambda_app.search.s3vectors.index import ExpiredPageError, SearchedIndex
from lambda_app.search.s3vectors.schema import MOST_RESULTS, fingerprint_of
from lambda_app.search.s3vectors.strays import Strays

# A query that did not find enough is sent again for this many times as many results.
_GROWTH = 8
# At most so many results are looked at beyond those that were asked for at first.
MOST_FURTHER = 1_000
# So often a query whose page has expired is sent again from its beginning.
_MOST_EXPIRED = 2
_NO_SCORE = float("nan")


@dataclass(frozen=True)
class Hidden:
    """What no answer holds: blocked image ids and product ids."""

    image_ids: Collection[str] = field(default=frozenset())
    product_ids: Collection[str] = field(default=frozenset())

    def hides(self, item: CatalogItem) -> bool:
        """Whether an item is blocked."""
        return item.image_id in self.image_ids or item.product_id in self.product_ids


def filter_of(where: CatalogFilter, *further: dict[str, Any]) -> dict[str, Any]:
    """The argument `filter` of a query, empty if all items pass. An item without a price never passes a bound.

    Args:
        where: what passes.
        further: conditions that must hold too.
    """
    parts: list[dict[str, Any]] = [*further]
    if where.category is not None:
        parts.append({"category": {"$eq": where.category}})
    bounds = {"$gte": where.min_price, "$lte": where.max_price}
    if price := {name: value for name, value in bounds.items() if value is not None}:
        parts.append({"price": price})
    if not parts:
        return {}
    return {"filter": parts[0] if len(parts) == 1 else {"$and": parts}}


def vector_of(embedding: npt.NDArray[np.float32]) -> dict[str, Any]:
    """The argument `queryVector` of a query.

    Raises:
        QueryError: the vector is zero or not finite, which the service refuses.
    """
    if not np.isfinite(embedding).all():
        raise QueryError("the query vector has values that are not finite")
    if not embedding.any():
        raise QueryError("the query vector is zero, so it has no direction")
    return {"queryVector": {"float32": embedding.astype(np.float32).tolist()}}


class Results:
    """The results of one query, page by page: a `lambda_app.search.engine.Search`.

    A query has at most as many results as it asks for. If these are not enough, it is sent again for more. All pages
    together get the time of one request. Results are kept apart by their keys: if something else wrote a vector with
    the row of an item, both are results.
    """

    def __init__(
        self,
        index: SearchedIndex,
        query: Mapping[str, Any],
        fetch: int,
        hidden: Hidden,
        strays: Strays | None = None,
        until: float | None = None,
    ) -> None:
        """Read the first page.

        Args:
            index: what is asked.
            query: the arguments of QueryVectors, with a vector or with texts.
            fetch: how many results to ask for at first.
            hidden: what is left out.
            strays: learns of vectors that are no items.
            until: when all pages must have been read; None: as the index says of the present request.
        """
        self._index, self._hidden, self._strays = index, hidden, strays or Strays(index.name)
        self._by_cosine = "queryVector" in query
        self._query = {**query, "returnMetadata": True, **({"returnDistance": True} if self._by_cosine else {})}
        self._most = min(MOST_RESULTS, fetch + MOST_FURTHER)
        self._asked = min(MOST_RESULTS, fetch)
        self._expired = 0
        self._until = index.until() if until is None else until
        self._begin_again()
        self._read()

    @property
    def more(self) -> bool:
        """Whether the service may have more results than were looked at."""
        return self._token is not None or self._seen >= self._asked

    def deepen(self) -> None:
        """Read pages until there is a row more, or there is none."""
        before = len(self.rows)
        while len(self.rows) <= before and self.bound != NOTHING:
            if self._token is None:
                self._asked = min(self._most, _GROWTH * self._asked)
                self._begin_again()
            self._read()

    def read_all(self, count: int) -> "Results":
        """Go deeper until there are so many rows, or no more; returns itself."""
        while len(self.rows) < count and self.bound != NOTHING:
            self.deepen()
        return self

    def _begin_again(self) -> None:
        self.rows: list[int] = []
        self.scores: list[float] = []
        self.items: list[CatalogItem] = []
        self.fingerprints: dict[str, Fingerprint] = {}
        self.bound = 1.0
        self._keys: set[str] = set()
        self._seen = 0
        self._token: str | None = None

    def _read(self) -> None:
        """Read the next page."""
        arguments = {**self._query, "topK": self._asked}
        if self._token is not None:
            arguments["nextToken"] = self._token
        try:
            answer = self._index.query(arguments, self._until)
        except ExpiredPageError:
            seen = self._seen
            self._expired += 1
            if self._expired > _MOST_EXPIRED:
                raise
            self._begin_again()
            while self._seen < seen and self.bound != NOTHING:
                self._read()
            return
        found = answer["vectors"]
        self._seen += len(found)
        # A token after as many results as were asked for leads to nothing.
        self._token = answer.get("nextToken") if self._seen < self._asked else None
        for vector in found:
            self._take(vector)
        if self._by_cosine:
            self._sort()
            if found:
                self.bound = _score(found[-1])
        # The service has no more, or no more are looked at.
        if self._token is None and (self._seen < self._asked or self._asked >= self._most):
            self.bound = NOTHING

    def _take(self, vector: Mapping[str, Any]) -> None:
        known = self._strays.item(vector)
        # Of an index that changes between two pages, an item may come twice.
        if known is None or vector["key"] in self._keys or self._hidden.hides(known[1]):
            return
        row, item = known
        self._keys.add(item.image_id)
        self.rows.append(row)
        self.items.append(item)
        self.scores.append(_score(vector) if self._by_cosine else _NO_SCORE)
        if (prints := fingerprint_of(vector["metadata"])) is not None:
            self.fingerprints[item.image_id] = prints

    def _sort(self) -> None:
        """The highest cosine first, then the lowest row, as FAISS has them."""
        order = sorted(range(len(self.rows)), key=lambda place: (-self.scores[place], self.rows[place]))
        self.rows = [self.rows[place] for place in order]
        self.scores = [self.scores[place] for place in order]
        self.items = [self.items[place] for place in order]


def _score(vector: Mapping[str, Any]) -> float:
    """The cosine of a result, whose cosine distance the service gives."""
    return 1.0 - float(vector["distance"])
