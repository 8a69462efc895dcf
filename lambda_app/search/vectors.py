"""Arithmetic that training and serving must do alike: vectors of length 1, and probabilities of logits."""

from typing import Any

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.floating[Any]]

# Vectors shorter than this keep a direction but not a length of 1; one of zeros stays zero and is no division by zero.
# It lies far below the shortest vector that float16 can hold (6e-8), which some indexes are kept in, and its square far
# above the least float32 (1e-38), so the sum of squares is exact enough at every length above. PyTorch's `normalize`,
# which makes the network's embeddings, has the same value.
SHORTEST = 1e-12


def unit(vectors: _Floats) -> npt.NDArray[np.float32]:
    """Rows of length 1: float32, same shape; a row of zeros stays zero.

    A vector that was rounded, as to float16, misses length 1 by as much as neighbours differ: it is normalised again.

    Args:
        vectors: float (n, d), finite.
    """
    whole = np.asarray(vectors, np.float32)
    # einsum and not @: BLAS would take more threads than a search was given.
    lengths = np.sqrt(np.einsum("ij,ij->i", whole, whole))
    normalised: npt.NDArray[np.float32] = whole / np.maximum(lengths, SHORTEST)[:, np.newaxis]
    return normalised


def softmax(logits: _Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Probabilities of logits (..., classes) divided by a temperature: float64, same shape."""
    scaled = np.asarray(logits, np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = exponents / exponents.sum(axis=-1, keepdims=True)
    return probabilities
