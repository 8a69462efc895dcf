"""Inverted files: the lists hold vectors of a few dimensions in 8 bits, and the full vectors are stored by row.

Most of the variance of an embedding is in a small number of principal components (PCA). The lists store only those, so
comparing a vector, assigning it to a list and k-means become cheaper by the same factor. Re-ranking the candidates by
their full vectors corrects the errors.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.errors import IndexBuildError
from lambda_app.search.vector_file import CODES
from lambda_app.search.vectors import unit

BLOCK = 65_536  # vectors in memory as float32 at a time: 64 MiB at 256 dimensions
# Training vectors per centroid. With fewer than 39, k-means is unreliable; more than 256 only make it slow.
TRAINED_ON = 48
MIN_TRAINED_ON = 39
# Lists = 8 times the square root of the number of vectors. A query then compares about as many centroids as vectors.
_LISTS_SCALE = 8
_MAX_LISTS = 16_384
# The lists store enough principal components for this share of the variance, rounded up to a multiple of the step, at
# least three steps. FAISS compares eight dimensions with one instruction.
_COARSE_VARIANCE = 0.9
_COARSE_STEP = 8
_SAMPLE_SIZE = 65_536  # vectors from which the PCA and the value ranges of the codes are computed

T = TypeVar("T")


class Vectors(Protocol):
    """Vectors (n, d), L2-normalised: an array, or what is read like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | npt.NDArray[np.int64], /) -> npt.NDArray[np.floating[Any]]: ...


class Track(Protocol):
    """A function that yields the items unchanged and may report progress, such as training's `track`."""

    def __call__(self, items: Iterable[T], total: int | None, desc: str, unit: str) -> Iterator[T]: ...


def silently(items: Iterable[T], total: int | None, desc: str, unit: str) -> Iterator[T]:  # noqa: ARG001
    """Yield the items, without a report."""
    yield from items


def lists_for(count: int) -> int:
    """The number of lists for this number of vectors.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    if count < MIN_TRAINED_ON:
        raise IndexBuildError(
            f"{count} vectors are too few for an inverted file; it needs {MIN_TRAINED_ON}. Use --index flat"
        )
    wanted = min(_LISTS_SCALE * count**0.5, _MAX_LISTS)
    trainable = count // MIN_TRAINED_ON
    return min(1 << round(float(np.log2(wanted))), trainable)


def inverted_file(vectors: Vectors, kind: str, seed: int, track: Track = silently) -> faiss.Index:
    """Build an inverted file, searched by inner product.

    Memory holds the index and one block of the vectors, never all of them.

    Args:
        vectors: float (n, d), L2-normalised; may be memory-mapped.
        kind: a key of `lambda_app.search.vector_file.CODES`: how full vectors are stored.
        seed: random seed of the sample and of k-means.
        track: reports progress.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    count, dim = vectors.shape
    rng = np.random.default_rng(seed)
    sample = _sample(vectors, _SAMPLE_SIZE, rng)
    candidates = trained(vectors, sample, seed, rng)
    full = faiss.IndexScalarQuantizer(dim, CODES[kind], faiss.METRIC_INNER_PRODUCT)
    full.train(sample)
    full.codes.resize(count * full.code_size)  # reserves the memory; growing would need twice as much for a moment
    full.codes.resize(0)
    for block in blocks(vectors, "index", track):
        candidates.add(block)
        full.add(block)
    return refined(candidates, full)


def new_lists(vectors: Vectors, seed: int, track: Track = silently) -> faiss.IndexPreTransform:
    """The part of an inverted file that finds candidates, with centroids of its own.

    Args and errors as those of `inverted_file`.
    """
    rng = np.random.default_rng(seed)
    candidates = trained(vectors, _sample(vectors, _SAMPLE_SIZE, rng), seed, rng)
    for block in blocks(vectors, "index", track):
        candidates.add(block)
    return candidates


def trained(
    vectors: Vectors, sample: npt.NDArray[np.float32], seed: int, rng: np.random.Generator
) -> faiss.IndexPreTransform:
    """The part of an inverted file that finds candidates, without vectors.

    Args:
        vectors: those that will be added.
        sample: of them, float32 (m, d), L2-normalised.
        seed: of k-means.
        rng: chooses the vectors on which k-means runs.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    lists = lists_for(len(vectors))
    coarse = _coarse(sample)
    centroids = faiss.IndexFlatIP(coarse.d_out)
    inverted = faiss.IndexIVFScalarQuantizer(
        centroids, coarse.d_out, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    inverted.cp.seed = seed
    inverted.train(coarse.apply(_sample(vectors, TRAINED_ON * lists, rng)))
    candidates = faiss.IndexPreTransform(coarse, inverted)
    candidates.referenced_objects = [coarse, centroids, inverted]  # FAISS only keeps raw pointers
    return candidates


def refined(candidates: faiss.Index, full: faiss.Index) -> faiss.IndexRefine:
    """An index that finds candidates, and sorts them by full vectors."""
    index = faiss.IndexRefine(candidates, full)
    index.referenced_objects = [candidates, full]  # FAISS only keeps raw pointers
    return index


def blocks(
    vectors: Vectors, desc: str, track: Track = silently, size: int = BLOCK
) -> Iterator[npt.NDArray[np.float32]]:
    """The vectors in order, in blocks of up to `size` and BLOCK: float32 (m, d), L2-normalised."""
    size = min(size, BLOCK)
    starts = range(0, len(vectors), size)
    for start in track(starts, len(starts), desc, "block"):
        yield unit(vectors[start : start + size])


def _coarse(sample: npt.NDArray[np.float32]) -> faiss.PCAMatrix:
    """The PCA for the lists, rotated so that all dimensions have similar variance and so similar rounding errors."""
    variances = np.sort(np.linalg.eigvalsh(np.cov(sample, rowvar=False)))[::-1]
    needed = int(np.searchsorted(np.cumsum(variances) / variances.sum(), _COARSE_VARIANCE)) + 1
    dims = min(sample.shape[1], len(sample), -(-max(needed, 3 * _COARSE_STEP) // _COARSE_STEP) * _COARSE_STEP)
    coarse = faiss.PCAMatrix(sample.shape[1], dims, 0.0, True)
    coarse.train(sample)
    return coarse


def _sample(vectors: Vectors, size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows = rng.choice(len(vectors), min(size, len(vectors)), replace=False)
    return unit(vectors[np.sort(rows)])
