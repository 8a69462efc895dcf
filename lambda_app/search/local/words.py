"""Searches by words, alone or together with a picture, in an index and its catalog.

A catalog without an index of words raises `NotSupportedError`.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.release.row_set import RowSet
from lambda_app.release.text.words import WordMatches
from lambda_app.search.engine import NOTHING
from lambda_app.search.fusion import DEPTH as DEPTH
from lambda_app.search.fusion import GROWTH, fused
from lambda_app.search.local.nearest import Index, Items

# Up to so many rows with the words, all are compared with the picture, which is faster than a search among them.
_MOST_COMPARED = 1_000
_NO_SCORE = float("nan")


class ByWords:
    """The rows with the words, best first: a `lambda_app.search.engine.Search` whose scores are NaN."""

    fingerprints: Mapping[str, Fingerprint] = {}

    def __init__(self, catalog: Items, words: str, where: CatalogFilter) -> None:
        """Search among the rows that pass the filter."""
        self._catalog = catalog
        self._all = catalog.words(words, None if where.empty else catalog.passing(where)).rows
        self._read(DEPTH)

    @cached_property
    def items(self) -> Sequence[CatalogItem]:
        """The catalog entries of the rows, read when they are first asked for."""
        return self._catalog.items(self.rows, described=False)

    def deepen(self) -> None:
        """Show more of the rows that were found."""
        self._read(GROWTH * self._depth)

    def _read(self, depth: int) -> None:
        self.__dict__.pop("items", None)
        self._depth = depth
        self.rows: Sequence[int] = self._all[:depth].tolist()
        self.scores: Sequence[float] = [_NO_SCORE] * len(self.rows)
        self.bound = 1.0 if depth < len(self._all) else NOTHING


class Blended:
    """The rows by words and picture together: a `lambda_app.search.engine.Search`.

    Ranks by picture are counted among the nearest `DEPTH` rows; after these, among the rows with the words.
    """

    fingerprints: Mapping[str, Fingerprint] = {}

    def __init__(
        self,
        index: Index,
        catalog: Items,
        embedding: npt.NDArray[np.float32],
        where: CatalogFilter,
        found: WordMatches,
        bonuses: Mapping[str, float],
    ) -> None:
        """Search among the rows that pass the filter.

        Args:
            index, catalog: row i of one is row i of the other.
            embedding: float32 (d,), L2-normalised.
            where: what passes.
            found: the rows that pass and have the words, at least one.
            bonuses: what is added to a row's cosine by its category, for its rank by picture.
        """
        self._index, self._catalog, self._embedding = index, catalog, embedding
        self._allowed = None if where.empty else catalog.passing(where)
        self._available = index.count if self._allowed is None else len(self._allowed)
        self._found, self._bonuses = found, bonuses
        self._ranks = np.zeros(catalog.count, np.int64)
        self._ranks[found.rows] = found.ranks
        self._run(DEPTH)

    def deepen(self) -> None:
        """Compare more rows."""
        self._run(GROWTH * self._depth)

    def _run(self, depth: int) -> None:
        self._depth = depth
        near = self._nearest(depth, self._allowed)
        cosines = self._candidates(near, depth)
        items = dict(zip(cosines, self._catalog.items([*cosines], described=False), strict=True))
        added = np.array([self._bonuses.get(item.category, 0.0) for item in items.values()])
        self.rows: Sequence[int] = fused(cosines, len(near), added, self._ranks[np.array([*cosines], np.int64)])
        self.scores: Sequence[float] = [cosines[row] for row in self.rows]
        self.items: Sequence[CatalogItem] = [items[row] for row in self.rows]
        # No other row has a higher cosine than the last of these.
        self.bound = min(near.values(), default=-1.0) if len(near) != self._available else NOTHING

    def _nearest(self, depth: int, allowed: RowSet | None) -> dict[int, float]:
        """Up to `depth` rows with their cosines, the nearest first."""
        if allowed is not None and not len(allowed):
            return {}
        found = self._index.search(self._embedding[np.newaxis], min(depth, self._index.count), allowed)
        pairs = zip(found.rows[0].tolist(), found.scores[0].tolist(), strict=True)
        return {row: score for row, score in pairs if row >= 0}

    def _candidates(self, near: Mapping[int, float], depth: int) -> dict[int, float]:
        """The rows that are compared, with their cosines, those of `near` first.

        The others are the nearest of the rows with the words, and the best of these by words.
        """
        found = self._found.rows
        first = found[: max(depth, _MOST_COMPARED)]
        candidates = dict(near)
        if len(first) < len(found):
            candidates |= self._nearest(depth, self._set(found))
            first = found[:depth]
        missing = [row for row in first.tolist() if row not in candidates]
        cosines: npt.NDArray[np.float32] = (self._index.vectors(missing) * self._embedding).sum(axis=1)
        return candidates | dict(zip(missing, cosines.tolist(), strict=True))

    def _set(self, rows: npt.NDArray[np.int64]) -> RowSet:
        mask = np.zeros(self._catalog.count, np.bool_)
        mask[rows] = True
        return RowSet.of_mask(mask)
