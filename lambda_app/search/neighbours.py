"""The result of a search, and the ranking of its candidates."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.search.vectors import SHORTEST


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of each query, best first.

    Attributes:
        rows: int64 (q, k); -1 at the end if fewer than k rows were found.
        scores: float32 (q, k), cosine; -inf where rows is -1.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


# Up to so many values are sorted as a whole.
_SORTED = 256


def nearest(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The numbers of the k vectors nearest to the query, and their cosines, the best first, then the lowest number.

    Args:
        vectors: float32 (n, d), of any length.
        query: float32 (d,), L2-normalised.
    """
    return highest(cosines(vectors, query), k)


def cosines(vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The cosines of vectors with a query: float32 (n,). Equal vectors have equal cosines.

    Args as those of `nearest`. Dividing n products by lengths is less work than n vectors.
    """
    # vecdot instead of @: BLAS would ignore the limit of threads, and sum up some rows in another order.
    lengths = np.sqrt(np.vecdot(vectors, vectors))
    found: npt.NDArray[np.float32] = np.vecdot(vectors, query)
    found /= np.maximum(lengths, SHORTEST, out=lengths)
    return found


def highest(scores: npt.NDArray[np.float32], k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The numbers of the k highest scores, and these, the highest first, then the lowest number."""
    if len(scores) <= max(_SORTED, 2 * k):
        best = (-scores).argsort(kind="stable")[:k]
        return best, scores[best]
    # All that reach the k-th score, not only k: of equal ones, the lowest number counts.
    first = len(scores) - k
    good = (scores >= np.partition(scores, first)[first]).nonzero()[0]
    best = good[(-scores[good]).argsort(kind="stable")[:k]]
    return best, scores[best]
