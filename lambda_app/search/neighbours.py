"""The result of a search, and the ranking of its candidates."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of each query, best first.

    Attributes:
        rows: int64 (q, k); -1 at the end if fewer than k rows were found.
        scores: float32 (q, k), cosine; -inf where rows is -1.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


def nearest(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The numbers of the k vectors nearest to the query, and their cosines, the best first, then the lowest number.

    Args:
        vectors: float32 (n, d), L2-normalised.
        query: float32 (d,), L2-normalised.
    """
    # einsum instead of @: BLAS would ignore the limit of threads.
    cosines = np.einsum("ij,j->i", vectors, query)
    best = np.argsort(-cosines, kind="stable")[:k]
    return best, cosines[best]
