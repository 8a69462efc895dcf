"""Finds the results of words: alone, or together with a photo.

Together they are two rankings, by words and by picture, of which reciprocal rank fusion makes one (Cormack, Clarke and
Buettcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods"): an item's sum of
1 / (60 + rank) over the rankings that have it. It needs no scale on which cosines and BM25 can be compared.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lambda_app.recommendation.query import Match, Selection
from lambda_app.recommendation.searched import Index, Items
from lambda_app.release.row_set import RowSet
from lambda_app.release.text.words import WordMatches

# The constant of Cormack, Clarke and Buettcher.
FUSION = 60
# Rows of each ranking that are compared at first. Too few results are looked for again among so many times as many.
DEPTH, _GROWTH = 200, 4
# Up to so many rows with the words, all are compared with the picture, which is faster than a search among them.
_MOST_COMPARED = 1_000
_NO_SCORE = float("nan")


class WordFinder:
    """Searches one release by words. Immutable and thread-safe."""

    def __init__(self, index: Index, catalog: Items) -> None:
        """Search this index, whose rows are those of the catalog."""
        self._index = index
        self._catalog = catalog

    def by_words(self, selection: Selection) -> list[Match]:
        """The first results by words alone. Their scores are NaN, because there is no picture.

        Args:
            selection: what qualifies as a result; its query has words.

        Raises:
            NotSupportedError: the catalog has no index of words.
        """
        rows = self._words(selection).rows
        depth = DEPTH
        while True:
            first = rows[:depth].tolist()
            items = self._catalog.items(first, described=False)
            matches = selection.pick(first, [_NO_SCORE] * len(first), items)
            if len(matches) == selection.query.k or depth >= len(rows):
                return matches
            depth *= _GROWTH

    def blended(
        self, embedding: npt.NDArray[np.float32], selection: Selection, bonuses: Mapping[str, float]
    ) -> list[Match] | None:
        """The first results by words and picture together; None if no item that passes the filter has any word.

        Ranks by picture are counted among the nearest `DEPTH` rows; after these, among the rows with the words.

        Args:
            embedding: float32 (d,), L2-normalised.
            selection: what qualifies as a result; its query has words.
            bonuses: what is added to a row's cosine by its category, for its rank by picture.

        Raises:
            NotSupportedError: the catalog has no index of words.
        """
        found = self._words(selection)
        if not len(found.rows):
            return None
        allowed = None if selection.query.where.empty else self._catalog.passing(selection.query.where)
        available = self._index.count if allowed is None else len(allowed)
        ranks = np.zeros(self._catalog.count, np.int64)
        ranks[found.rows] = found.ranks
        depth = DEPTH
        while True:
            near = self._nearest(embedding, depth, allowed)
            cosines = self._candidates(embedding, near, found, depth)
            items = dict(zip(cosines, self._catalog.items([*cosines], described=False), strict=True))
            added = [bonuses.get(item.category, 0.0) for item in items.values()]
            rows = _fused(cosines, len(near), np.array(added), ranks)
            matches = selection.pick(rows, [cosines[row] for row in rows], [items[row] for row in rows])
            # No other row has a higher cosine than the last of these.
            bound = min(near.values(), default=-1.0)
            if len(matches) == selection.query.k or len(near) == available or bound < selection.query.min_score:
                return matches
            depth *= _GROWTH

    def _words(self, selection: Selection) -> WordMatches:
        where = selection.query.where
        return self._catalog.words(selection.query.words, None if where.empty else self._catalog.passing(where))

    def _nearest(self, embedding: npt.NDArray[np.float32], depth: int, allowed: RowSet | None) -> dict[int, float]:
        """Up to `depth` rows with their cosines, the nearest first."""
        if allowed is not None and not len(allowed):
            return {}
        found = self._index.search(embedding[np.newaxis], min(depth, self._index.count), allowed)
        pairs = zip(found.rows[0].tolist(), found.scores[0].tolist(), strict=True)
        return {row: score for row, score in pairs if row >= 0}

    def _candidates(
        self, embedding: npt.NDArray[np.float32], near: Mapping[int, float], found: WordMatches, depth: int
    ) -> dict[int, float]:
        """The rows that are compared, with their cosines, those of `near` first.

        The others are the nearest of the rows with the words, and the best of these by words.
        """
        first = found.rows[: max(depth, _MOST_COMPARED)]
        candidates = dict(near)
        if len(first) < len(found.rows):
            candidates |= self._nearest(embedding, depth, self._set(found.rows))
            first = found.rows[:depth]
        missing = [row for row in first.tolist() if row not in candidates]
        cosines: npt.NDArray[np.float32] = (self._index.vectors(missing) * embedding).sum(axis=1)
        return candidates | dict(zip(missing, cosines.tolist(), strict=True))

    def _set(self, rows: npt.NDArray[np.int64]) -> RowSet:
        mask = np.zeros(self._catalog.count, np.bool_)
        mask[rows] = True
        return RowSet.of_mask(mask)


def _fused(
    cosines: Mapping[int, float], near: int, bonuses: npt.NDArray[np.float64], ranks: npt.NDArray[np.int64]
) -> list[int]:
    """The candidates by reciprocal rank fusion, the highest sum first. Of equal ones, the higher cosine comes first.

    Args:
        cosines: of m candidates, by row.
        near: how many of them are the nearest of all rows. The others have lower cosines, and rank after these.
        bonuses: (m,), what is added to the cosines for the rank by picture.
        ranks: (rows of the catalog,), the rank by words; 0 for a row that has none.
    """
    rows, values = np.array([*cosines], np.int64), np.array([*cosines.values()])
    beyond = np.arange(len(rows)) >= near
    by_picture = np.empty(len(rows), np.int64)
    by_picture[np.lexsort((rows, -values, -values - bonuses, beyond))] = np.arange(1, len(rows) + 1)
    sums = 1 / (FUSION + by_picture)
    having = ranks[rows] > 0
    sums[having] += 1 / (FUSION + ranks[rows[having]])
    return [int(row) for row in rows[np.lexsort((rows, -values, -sums))]]
