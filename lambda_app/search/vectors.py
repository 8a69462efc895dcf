"""Arithmetic that training and serving share: normalised vectors, and the softmax of logits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.floating[Any]]

# Vectors are divided by their length, or by this if they are shorter. So a vector of zeros stays zero.
# The value is far below the shortest float16 vector (6e-8), because some indexes store float16. Its square is far above
# the smallest normal float32 (1e-38), so the sum of squares is accurate for all longer vectors. PyTorch's `normalize`,
# which normalises the network's embeddings, has the same default.
SHORTEST = 1e-12


def unit(vectors: _Floats) -> npt.NDArray[np.float32]:
    """Rows scaled to length 1: float32, same shape; a row of zeros stays zero.

    Vectors that were rounded, for example to float16, must be normalised again: rounding changes their length, and so
    their scores, by as much as the scores of neighbours differ.

    Args:
        vectors: float (n, d), finite.
    """
    whole = np.asarray(vectors, np.float32)
    # einsum instead of @: BLAS would ignore the limit of threads of a search.
    lengths = np.sqrt(np.einsum("ij,ij->i", whole, whole))
    normalised: npt.NDArray[np.float32] = whole / np.maximum(lengths, SHORTEST)[:, np.newaxis]
    return normalised


def softmax(logits: _Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Softmax of logits (..., classes) divided by a temperature: float64, same shape."""
    scaled = np.asarray(logits, np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = exponents / exponents.sum(axis=-1, keepdims=True)
    return probabilities


def mean_direction(vectors: Sequence[_Floats]) -> npt.NDArray[np.float32]:
    """The direction of the mean of vectors (d,): float32 (d,), L2-normalised; zero if they cancel out."""
    mean: npt.NDArray[np.float32] = np.stack(vectors).mean(axis=0, dtype=np.float32, keepdims=True)
    direction: npt.NDArray[np.float32] = unit(mean)[0]
    return direction


def preference(liked: Sequence[_Floats], disliked: Sequence[_Floats], dislike_weight: float) -> npt.NDArray[np.float32]:
    """The mean of the liked vectors (d,) minus `dislike_weight` times that of the disliked: float32 (d,).

    This is Rocchio's relevance feedback (1971, "Relevance feedback in information retrieval"), without an initial
    query vector. The result is not normalised.

    Args:
        liked: at least one.
        disliked: may be empty.
    """
    mean: npt.NDArray[np.float32] = np.mean(liked, axis=0, dtype=np.float32)
    if not disliked:
        return mean
    away: npt.NDArray[np.float32] = np.mean(disliked, axis=0, dtype=np.float32)
    return mean - np.float32(dislike_weight) * away
