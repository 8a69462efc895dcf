"""Measure the recall of an index against exact search, and its query time, with the serving code."""

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.release.manifest import IndexEntry
from lambda_app.search.building.inverted import Track, Vectors, blocks, silently
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import unit

DEPTH = 10
_QUERIES = 1024
_TIMED = 256
# Vectors that are compared with all queries at once: their scores take 32 MiB, and as much again while they are sorted.
_SCORED = 8_192
# Rounding can make the scores of two equal float32 vectors differ by this much; such neighbours count as a tie.
_TIE = 1e-5


class Trial:
    """Queries from the catalogue, and the exact scores of their nearest neighbours among other photos."""

    def __init__(self, vectors: Vectors, seed: int, track: Track = silently) -> None:
        """Choose the query photos and search exactly, block by block.

        Args:
            vectors: float (n, d), L2-normalised; may be memory-mapped.
            seed: random seed for the choice of queries.
            track: reports progress.
        """
        count = len(vectors)
        self._vectors = vectors
        self._rows = np.sort(np.random.default_rng(seed).choice(count, min(_QUERIES, count), replace=False))
        self._queries = unit(vectors[self._rows])
        self._floor = self._exact_floor(track)

    def measured(self, path: Path, entry: IndexEntry) -> IndexEntry:
        """The entry with recall@10: share of the ten rows found that score at least as high as the exact tenth."""
        found = VectorIndex(path, entry).search(self._queries, DEPTH + 1).rows
        hits = [
            np.count_nonzero(self._scores(number, rows) >= floor - _TIE)
            for number, (rows, floor) in enumerate(zip(found, self._floor, strict=True))
        ]
        others = min(DEPTH, len(self._vectors) - 1)
        recall = float(np.mean(hits)) / others if others else 1.0
        return entry.model_copy(update={"recall_at_10": min(recall, 1.0)})

    def timed(self, path: Path, entry: IndexEntry) -> IndexEntry:
        """The entry with the median time of a single query on one thread."""
        index = VectorIndex(path, entry, threads=1)
        times = []
        for query in self._queries[:_TIMED]:
            begin = time.perf_counter()
            index.search(query[np.newaxis], DEPTH)
            times.append(time.perf_counter() - begin)
        return entry.model_copy(update={"latency_ms": round(1000 * float(np.median(times)), 4)})

    def _scores(self, number: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Exact scores of the rows found for a query, without the query's own row: float32 (at most DEPTH,)."""
        others = np.sort(rows[(rows >= 0) & (rows != self._rows[number])][:DEPTH])
        scores: npt.NDArray[np.float32] = unit(self._vectors[others]) @ self._queries[number]
        return scores

    def _exact_floor(self, track: Track) -> npt.NDArray[np.float32]:
        """Exact score of each query's tenth neighbour, or of the last if there are fewer than ten: float32 (q,)."""
        best = np.full((len(self._rows), 0), -np.inf, np.float32)
        start = 0
        for block in blocks(self._vectors, "exact search", track, _SCORED):
            scores = self._queries @ block.T
            own = np.flatnonzero((self._rows >= start) & (self._rows < start + len(block)))
            scores[own, self._rows[own] - start] = -np.inf
            scores = np.concatenate([best, scores], axis=1)
            best = -np.partition(-scores, min(DEPTH, scores.shape[1]) - 1, axis=1)[:, :DEPTH]
            start += len(block)
        others = min(DEPTH, len(self._vectors) - 1)
        floor: npt.NDArray[np.float32] = -np.sort(-best, axis=1)[:, max(0, others - 1)]
        return floor
