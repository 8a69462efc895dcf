"""Ranks candidates of a search by the cosine of their stored vectors."""

import numpy as np
import numpy.typing as npt

from lambda_app.search.neighbours import Neighbours, cosines, highest
from lambda_app.search.vector_file import VectorFile

# Vectors that are compared at once: their values stay in the caches of a processor.
_COMPARED = 256


def ranked_by_query(
    file: VectorFile, queries: npt.NDArray[np.float32], candidates: npt.NDArray[np.int64], k: int
) -> Neighbours:
    """The k best candidates of each query.

    Args:
        file: has their stored vectors.
        queries: float32 (q, d), L2-normalised.
        candidates: rows, int64 (q, m), padded with -1.
        k: number of neighbours.
    """
    found = [ranked(file, query, rows, k) for query, rows in zip(queries, candidates, strict=True)]
    if len(found) == 1 and len(found[0][0]) == k:  # nearly all searches are of one query
        return Neighbours(found[0][0][np.newaxis], found[0][1][np.newaxis])
    rows = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    for number, (best, cosines_of_best) in enumerate(found):
        rows[number, : len(best)] = best
        scores[number, : len(best)] = cosines_of_best
    return Neighbours(rows, scores)


def ranked(
    file: VectorFile, query: npt.NDArray[np.float32], candidates: npt.NDArray[np.int64], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """At most k of the candidates of a query, the highest cosine first, then the lowest row, and their cosines.

    Args:
        file: has their stored vectors.
        query: float32 (d,), L2-normalised.
        candidates: rows, int64 (m,), padded with -1.
        k: number of neighbours.
    """
    rows = candidates.copy()
    rows.sort()  # ties keep this order, and memory is read sequentially
    if len(rows) and rows[0] < 0:
        rows = rows[rows.searchsorted(0) :]
    best, scores = highest(_cosines(file, rows, query), k)
    return rows[best], scores


def _cosines(file: VectorFile, rows: npt.NDArray[np.int64], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The cosines of the stored vectors of rows (n,) with a query (d,): float32 (n,)."""
    if len(rows) <= _COMPARED:
        return cosines(file.decoded(rows), query)
    starts = range(0, len(rows), _COMPARED)
    return np.concatenate([cosines(file.decoded(rows[at : at + _COMPARED]), query) for at in starts])
