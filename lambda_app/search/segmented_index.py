"""The index of a release of segments: each is searched on its own, and the results are merged."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lambda_app.release.row_set import RowSet, SegmentedRowSet
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.search.faiss_index import Neighbours, VectorIndex, small_enough


class SegmentedIndex:
    """The indexes of segments as one. Immutable and thread-safe.

    Row numbers count through all segments, dead rows included. Dead rows are never found.
    """

    def __init__(self, indexes: Sequence[VectorIndex], live: LiveRows) -> None:
        """Combine opened indexes.

        Args:
            indexes: one for each segment; others may use them too.
            live: which rows of them are live.
        """
        self._indexes = tuple(indexes)
        self._live = live
        self.dim: int = indexes[0].dim
        # The rows that a search may find: dead ones do not count.
        self.count: int = live.count

    def search(self, queries: npt.NDArray[np.float32], k: int, allowed: RowSet | None = None) -> Neighbours:
        """The k nearest live rows of each query, the highest cosine first, then the lowest row.

        Args:
            queries: float32 (q, d), L2-normalised.
            k: number of neighbours.
            allowed: the rows that may be returned; None: all live rows.

        Returns:
            k neighbours of each query, or all allowed live rows if there are fewer than k.
        """
        parts = self._live.parts
        passing, exact = self.count, False
        if allowed is not None:
            segmented = allowed if isinstance(allowed, SegmentedRowSet) else self._live.split(allowed)
            # Small enough for exact search as a whole: then so is each part, also in a small segment.
            passing, exact = len(segmented), small_enough(len(segmented), self._live.rows)
            parts = segmented.parts
        k = min(k, max(1, passing))
        rows, scores = [], []
        for index, part, start in zip(self._indexes, parts, self._live.starts, strict=True):
            if part is not None and not len(part):
                continue
            found = index.search_exactly(queries, k, part) if exact and part else index.search(queries, k, part)
            rows.append(np.where(found.rows >= 0, found.rows + start, -1))
            scores.append(found.scores)
        return _merged(rows, scores, k) if rows else _none(len(queries), k)

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """The stored vector of a row: float32 (d,), L2-normalised."""
        segment, local = self._live.segment_of(row)
        return self._indexes[segment].vector(local)

    def vectors(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """The stored vectors of rows, dead ones included: float32 (m, d), L2-normalised."""
        found = np.empty((len(rows), self.dim), np.float32)
        for segment, numbers, places in self._live.by_segment(rows):
            found[places] = self._indexes[segment].vectors(numbers)
        return found


def _merged(rows: Sequence[npt.NDArray[np.int64]], scores: Sequence[npt.NDArray[np.float32]], k: int) -> Neighbours:
    all_rows, all_scores = np.concatenate(rows, axis=1), np.concatenate(scores, axis=1)
    best = np.lexsort((all_rows, -all_scores), axis=-1)[:, :k]
    return Neighbours(np.take_along_axis(all_rows, best, axis=1), np.take_along_axis(all_scores, best, axis=1))


def _none(queries: int, k: int) -> Neighbours:
    return Neighbours(np.full((queries, k), -1, np.int64), np.full((queries, k), -np.inf, np.float32))
