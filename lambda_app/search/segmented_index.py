"""The index of a release of segments, searched as one."""

from collections.abc import Sequence

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.release.row_set import RowSet, SegmentedRowSet
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.search.faiss_index import MIN_DEPTH, VectorIndex, small_enough
from lambda_app.search.neighbours import Neighbours, cosines
from lambda_app.search.vectors import unit

# The live rows of flat segments of at most so many rows are copied to one flat index: a search of each has a cost of
# its own, and in the copy no row is dead. Larger ones stay in their files.
_MOST_COPIED = 2_000

_Rows = npt.NDArray[np.int64]
_Scores = npt.NDArray[np.float32]


class SegmentedIndex:
    """The indexes of segments as one. Immutable and thread-safe.

    Row numbers count through all segments, dead rows included. Dead rows are never found. Each segment is searched on
    its own, and the best of all are kept: scores are cosines of stored vectors, so they can be compared.
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
        self._starts = np.array(live.starts, np.int64)
        small = [index.type == "flat" and index.count <= _MOST_COPIED for index in indexes]
        self._large = [number for number, copied in enumerate(small) if not copied]
        # As bytes instead of bits: looked up in each search.
        self._masks = [
            None if part is None or copied else part.mask(index.count)
            for index, part, copied in zip(indexes, live.parts, small, strict=True)
        ]
        self._copied_rows = np.concatenate(
            [np.empty(0, np.int64), *map(self._live_rows, np.flatnonzero(small).tolist())]
        )
        self._copied_vectors = self._decoded(self._copied_rows)
        self._copied = faiss.IndexFlatIP(self.dim)
        if len(self._copied_rows):
            self._copied.add(unit(self._copied_vectors))

    def search(self, queries: npt.NDArray[np.float32], k: int, allowed: RowSet | None = None) -> Neighbours:
        """The k nearest live rows of each query, the highest cosine first, then the lowest row.

        Args:
            queries: float32 (q, d), L2-normalised.
            k: number of neighbours.
            allowed: the rows that may be returned; None: all live rows.

        Returns:
            k neighbours of each query, or all allowed live rows if there are fewer than k.
        """
        if allowed is not None:
            return self._search_in(queries, k, allowed)
        k = min(k, max(1, self.count))
        found = _none(len(queries), k)
        if self.count == 0:  # all items are blocked
            return found
        for number, query in enumerate(np.ascontiguousarray(queries, np.float32)):
            rows, scores = self._best(query[np.newaxis], max(k, MIN_DEPTH))
            best = np.lexsort((rows, -scores))[:k]
            found.rows[number, : len(best)] = rows[best]
            found.scores[number, : len(best)] = scores[best]
        return found

    def _best(self, query: npt.NDArray[np.float32], depth: int) -> tuple[_Rows, _Scores]:
        """The best live rows of each segment for a query (1, d), at least `depth` in all, and their cosines."""
        all_rows, all_scores = [], []
        for number in self._large:
            rows, scores = self._best_of(number, query, depth)
            all_rows.append(rows + self._live.starts[number])
            all_scores.append(scores)
        if copied := self._copied.ntotal:
            places = self._copied.search(query, min(depth, copied))[1][0]
            all_rows.append(self._copied_rows[places])
            all_scores.append(cosines(self._copied_vectors[places], query[0]))
        return np.concatenate(all_rows), np.concatenate(all_scores)

    def _best_of(self, segment: int, query: npt.NDArray[np.float32], depth: int) -> tuple[_Rows, _Scores]:
        """Those of a segment, numbered from 0, and their cosines: best first."""
        index, part = self._indexes[segment], self._live.parts[segment]
        count = index.count if part is None else len(part)
        if count == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if (quick := index.quick_search(query, depth, self._masks[segment], count)) is not None:
            return quick
        found = index.search(query, depth, part).rows[0]
        rows = found[found >= 0]
        return rows, cosines(index.decoded(rows), query[0])  # FAISS's scores of a flat index are not normalised again

    def _search_in(self, queries: npt.NDArray[np.float32], k: int, allowed: RowSet) -> Neighbours:
        """As `search`, with a filter."""
        segmented = allowed if isinstance(allowed, SegmentedRowSet) else self._live.split(allowed)
        k = min(k, max(1, len(segmented)))
        # Small enough for exact search as a whole: then so is each part, also in a small segment.
        exact = small_enough(len(segmented), self._live.rows)
        rows, scores = [], []
        for index, part, start in zip(self._indexes, segmented.parts, self._live.starts, strict=True):
            if len(part):
                found = index.search_exactly(queries, k, part) if exact else index.search(queries, k, part)
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

    def _live_rows(self, segment: int) -> _Rows:
        """The live rows of a segment, numbered through all segments."""
        part = self._live.parts[segment]
        rows = np.arange(self._indexes[segment].count) if part is None else part.rows
        return rows + self._live.starts[segment]

    def _decoded(self, rows: _Rows) -> npt.NDArray[np.float32]:
        """The stored vectors of ascending rows, not quite of length 1: float32 (m, d)."""
        ends = np.searchsorted(rows, self._starts[1:]).tolist()
        parts = [
            index.decoded(rows[begin:end] - start)
            for index, start, begin, end in zip(
                self._indexes, self._live.starts, [0, *ends], [*ends, None], strict=True
            )
            if begin != end
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty((0, self.dim), np.float32)])


def _merged(rows: Sequence[npt.NDArray[np.int64]], scores: Sequence[npt.NDArray[np.float32]], k: int) -> Neighbours:
    all_rows, all_scores = np.concatenate(rows, axis=1), np.concatenate(scores, axis=1)
    best = np.lexsort((all_rows, -all_scores), axis=-1)[:, :k]
    return Neighbours(np.take_along_axis(all_rows, best, axis=1), np.take_along_axis(all_scores, best, axis=1))


def _none(queries: int, k: int) -> Neighbours:
    return Neighbours(np.full((queries, k), -1, np.int64), np.full((queries, k), -np.inf, np.float32))
