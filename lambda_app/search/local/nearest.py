"""The nearest items of an index and its catalog."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.engine import NOTHING
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.segmented_index import SegmentedIndex

# Of a release of one segment in which nothing is hidden, or of any other.
Index = VectorIndex | SegmentedIndex
Items = Catalog | SegmentedCatalog

# A search that did not find enough is repeated with this many times as many rows.
_GROWTH = 4


class Nearest:
    """A search among the rows that pass a filter: a `lambda_app.search.engine.Search`."""

    fingerprints: Mapping[str, Fingerprint] = {}

    def __init__(
        self, index: Index, catalog: Items, embedding: npt.NDArray[np.float32], where: CatalogFilter, fetch: int
    ) -> None:
        """Search for the first `fetch` rows.

        Args:
            index, catalog: row i of one is row i of the other.
            embedding: float32 (d,), L2-normalised.
            where: what passes.
        """
        self._index, self._catalog, self._embedding = index, catalog, embedding
        self._allowed = None if where.empty else catalog.passing(where)
        self._available = index.count if self._allowed is None else len(self._allowed)
        self._run(fetch)

    @cached_property
    def items(self) -> Sequence[CatalogItem]:
        """The catalog entries of the rows, read when they are first asked for."""
        return self._catalog.items(self.rows, described=False)

    def deepen(self) -> None:
        """Search for more rows."""
        self._run(_GROWTH * self._fetch)

    def _run(self, fetch: int) -> None:
        self.__dict__.pop("items", None)  # those of the search before
        self.rows: Sequence[int] = ()
        self.scores: Sequence[float] = ()
        self.bound = NOTHING
        self._fetch = min(self._available, fetch)
        if self._available:
            found = self._index.search(self._embedding[np.newaxis], self._fetch, self._allowed)
            self.rows = [int(row) for row in found.rows[0] if row >= 0]
            self.scores = found.scores[0, : len(self.rows)].tolist()
            if self._fetch < self._available:
                self.bound = float(found.scores[0, -1])
