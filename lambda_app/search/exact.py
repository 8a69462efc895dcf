"""Exact search over all stored vectors: slow, for what must not depend on the settings of an index."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from lambda_app.search.faiss_index import Neighbours

_BLOCK = 16_384  # vectors in memory at once: 16 MiB at 256 dimensions


class _Stored(Protocol):
    """An index, or several as one."""

    def vectors(self, rows: "list[int]") -> npt.NDArray[np.float32]: ...


def nearest_row(index: _Stored, rows: npt.NDArray[np.int64], queries: npt.NDArray[np.float32]) -> Neighbours:
    """The nearest of these rows to each query, the lowest one if several are equally near.

    Args:
        index: has the vectors.
        rows: int64 (n,), ascending, at least one.
        queries: float32 (q, d), L2-normalised.

    Returns:
        One neighbour of each query: (q, 1).
    """
    best = np.full(len(queries), -1, np.int64)
    scores = np.full(len(queries), -np.inf, np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        cosines = queries @ index.vectors(block.tolist()).T  # (q, b)
        places = cosines.argmax(axis=1)
        found = cosines[np.arange(len(queries)), places]
        better = found > scores
        best[better], scores[better] = block[places[better]], found[better]
    return Neighbours(best[:, np.newaxis], scores[:, np.newaxis])
