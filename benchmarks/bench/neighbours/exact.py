"""Exact search: the ground truth of the search benchmark and its baseline."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from benchmarks.processes.search_probe import K
from lambda_app.release.row_set import RowSet
from lambda_app.search.vectors import unit

# Float32 dot products of the same vectors can differ by this much, depending on the order of the sum.
TIE = 1e-6


def exact_floor(
    vectors: npt.NDArray[np.float16], queries: npt.NDArray[np.float32], allowed: RowSet | None
) -> npt.NDArray[np.float32]:
    """The exact score of each query's tenth neighbour (or its last) among the allowed rows: float32 (q,)."""
    best = np.full((len(queries), 0), -np.inf, np.float32)
    mask = None
    if allowed is not None:
        mask = allowed.mask(len(vectors))
    for start in range(0, len(vectors), 32_768):
        part = vectors[start : start + 32_768]
        block = unit(part if mask is None else part[mask[start : start + 32_768]])
        scores = np.concatenate([best, queries @ block.T], axis=1)
        best = np.partition(scores, -K, axis=1)[:, -K:] if scores.shape[1] > K else scores
    return np.asarray(best.min(axis=1), np.float32)


def recall_at_k(
    vectors: npt.NDArray[np.float16],
    queries: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    floor: npt.NDArray[np.float32],
) -> float:
    """The share of the found neighbours, (q, k), with at least the score of the last exact neighbour."""
    hits = 0
    for query, found, least in zip(queries, rows, floor, strict=True):
        scores = unit(vectors[np.sort(found[found >= 0])]) @ query
        hits += int((scores >= least - TIE).sum())
    return min(1.0, hits / rows.size)


def write_flat(vectors: npt.NDArray[np.float16], path: Path) -> None:
    """Write a flat float32 index, as in the replaced design."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    for start in range(0, len(vectors), 65_536):
        index.add(unit(vectors[start : start + 65_536]))
    faiss.write_index(index, str(path))
