"""Inverted files: candidates by a few dimensions in 8 bits, in lists by k-means; the whole vectors by row beside them.

An embedding's variance lies in far fewer dimensions than it has. Comparing those alone makes looking at a vector,
assigning it to a list and k-means itself cheaper by the same factor; what they miss, ranking candidates by whole
vectors makes good.
"""

from collections.abc import Iterator

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.search.vector_file import CODES
from lambda_app.search.vectors import unit
from training.errors import IndexBuildError
from training.pipeline.progress import track

BLOCK = 65_536  # vectors that are held as float32 at once: 64 MiB at 256 dimensions
# Vectors that a centroid learns from; fewer than 39 make k-means unreliable, more than 256 only slow.
TRAINED_ON = 48
LEAST_TRAINED_ON = 39
# Lists = 8 times the square root of the number of vectors: a query then compares about as many centroids as vectors.
_LISTS_SCALE = 8
_MOST_LISTS = 16_384
_COARSE_VARIANCE = 0.9
_COARSE_STEP = 16
_STATISTICS_ON = 65_536

Vectors = npt.NDArray[np.float32] | npt.NDArray[np.float16]


def lists_for(count: int) -> int:
    """How many lists so many vectors are kept in.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    if count < LEAST_TRAINED_ON:
        raise IndexBuildError(
            f"{count} vectors are too few for an inverted file; it takes {LEAST_TRAINED_ON}. Use --index flat"
        )
    most = min(_LISTS_SCALE * count**0.5, _MOST_LISTS)
    learnable = count // LEAST_TRAINED_ON
    return min(1 << round(float(np.log2(most))), learnable)


def inverted_file(vectors: Vectors, kind: str, seed: int) -> faiss.Index:
    """An index of the vectors, float (n, d), by their inner product.

    Holds the index and a block of the vectors, never all of them.

    Args:
        vectors: L2-normalised; may be memory-mapped.
        kind: a key of `lambda_app.search.vector_file.CODES`: how whole vectors are kept.
        seed: of the sample and of k-means.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    count, dim = vectors.shape
    lists = lists_for(count)
    rng = np.random.default_rng(seed)
    few = _sample(vectors, _STATISTICS_ON, rng)
    coarse = _coarse(few)
    centroids = faiss.IndexFlatIP(coarse.d_out)
    inverted = faiss.IndexIVFScalarQuantizer(
        centroids, coarse.d_out, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    inverted.cp.seed = seed
    inverted.train(coarse.apply(_sample(vectors, TRAINED_ON * lists, rng)))
    whole = faiss.IndexScalarQuantizer(dim, CODES[kind], faiss.METRIC_INNER_PRODUCT)
    whole.train(few)
    whole.codes.resize(count * whole.code_size)  # once, where growing would hold it twice
    whole.codes.resize(0)
    for block in blocks(vectors, "index"):
        inverted.add(coarse.apply(block))
        whole.add(block)
    candidates = faiss.IndexPreTransform(coarse, inverted)
    index = faiss.IndexRefine(candidates, whole)
    index.referenced_objects = [coarse, centroids, inverted, candidates, whole]  # FAISS holds them by bare pointers
    return index


def blocks(vectors: Vectors, desc: str) -> Iterator[npt.NDArray[np.float32]]:
    """The vectors in order, up to BLOCK at once: float32 (m, d), L2-normalised."""
    starts = range(0, len(vectors), BLOCK)
    for start in track(starts, len(starts), desc, "block"):
        yield unit(vectors[start : start + BLOCK])


def _coarse(few: npt.NDArray[np.float32]) -> faiss.PCAMatrix:
    """The principal dimensions that candidates are found by, rotated so that each varies alike and rounds alike."""
    variances = np.sort(np.linalg.eigvalsh(np.cov(few, rowvar=False)))[::-1]
    needed = int(np.searchsorted(np.cumsum(variances) / variances.sum(), _COARSE_VARIANCE)) + 1
    dims = min(few.shape[1], len(few), -(-max(needed, 2 * _COARSE_STEP) // _COARSE_STEP) * _COARSE_STEP)
    coarse = faiss.PCAMatrix(few.shape[1], dims, 0.0, True)
    coarse.train(few)
    return coarse


def _sample(vectors: Vectors, size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows = rng.choice(len(vectors), min(size, len(vectors)), replace=False)
    return unit(vectors[np.sort(rows)])
