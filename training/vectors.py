"""The vector index of a catalogue: exact while that is fast enough, an inverted file beyond."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.release import IndexEntry, file_entry
from lambda_app.search import VectorIndex
from training.errors import IndexBuildError

# Exact search reads every vector: 200,000 of 256 floats are 200 MB, some 20 ms on one core.
EXACT_UP_TO = 200_000
LEAST_RECALL = 0.99
_QUERIES = 256
_DEPTH = 10
_CHUNK = 16_384
# Vectors that a centroid learns from; fewer than 39 make k-means unreliable, more than 256 only slow.
_TRAINED_ON = 64
_LEAST_TRAINED_ON = 39


def build_index(vectors: npt.NDArray[np.float32], kind: str, path: Path, seed: int) -> IndexEntry:
    """Write an index of the vectors beside `path`, then rename it into place; measure it against exact search.

    Args:
        vectors: float32 (n, d), L2-normalised; may be memory-mapped.
        kind: "flat", "ivf", or "auto", which takes flat up to `EXACT_UP_TO` vectors.
        path: file to write.
        seed: of the inverted file's k-means and of the queries that measure recall.

    Returns:
        The manifest's entry. An inverted file carries the smallest power of two of `nprobe` that reaches a recall@10
        of 0.99.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    if kind == "auto":
        kind = "flat" if len(vectors) <= EXACT_UP_TO else "ivf"
    index = faiss.IndexFlatIP(vectors.shape[1]) if kind == "flat" else _trained_ivf(vectors, seed)
    for start in range(0, len(vectors), _CHUNK):
        index.add(np.ascontiguousarray(vectors[start : start + _CHUNK]))
    if kind == "ivf":
        index.make_direct_map()  # so that the stored vector of an item can be read back
    partial = path.with_name(f".{path.name}.partial")
    faiss.write_index(index, str(partial))
    partial.replace(path)
    rows = np.random.default_rng(seed).choice(len(vectors), min(_QUERIES, len(vectors)), replace=False)
    queries = vectors[np.sort(rows)]
    floor = _exact_floor(vectors, queries)
    entry = IndexEntry(type="flat" if kind == "flat" else "ivf", count=len(vectors), **file_entry(path))
    if kind == "flat":
        return _measured(path, entry, {}, queries, floor)
    nprobe = 1
    while True:
        measured = _measured(path, entry, {"nprobe": nprobe}, queries, floor)
        if (measured.recall_at_10 or 0.0) >= LEAST_RECALL or nprobe >= index.nlist:
            return measured
        nprobe *= 2


def _trained_ivf(vectors: npt.NDArray[np.float32], seed: int) -> faiss.IndexIVFFlat:
    lists = min(round(4 * len(vectors) ** 0.5), len(vectors) // _LEAST_TRAINED_ON)
    if lists < 1:
        raise IndexBuildError(
            f"{len(vectors)} vectors are too few for an inverted file; it takes {_LEAST_TRAINED_ON}. Use --index flat"
        )
    quantiser = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFFlat(quantiser, vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = seed
    sample = np.random.default_rng(seed).choice(len(vectors), min(_TRAINED_ON * lists, len(vectors)), replace=False)
    index.train(vectors[np.sort(sample)])
    return index


def _measured(
    path: Path,
    entry: IndexEntry,
    search: dict[str, int],
    queries: npt.NDArray[np.float32],
    floor: npt.NDArray[np.float32],
) -> IndexEntry:
    """The entry with these search settings and their recall, by the code that serves."""
    entry = entry.model_copy(update={"search": search})
    found = VectorIndex(path, entry).search(queries, _DEPTH)
    # By score, not by row: which of two equal vectors comes first is no one's mistake.
    recall = float(np.mean(found.scores >= floor[:, None] - 1e-5))
    return entry.model_copy(update={"recall_at_10": recall})


def _exact_floor(vectors: npt.NDArray[np.float32], queries: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The score of each query's tenth neighbour by exact search: float32 (q,)."""
    best = np.full((len(queries), 0), -np.inf, np.float32)
    for start in range(0, len(vectors), _CHUNK):
        scores = np.concatenate([best, queries @ vectors[start : start + _CHUNK].T], axis=1)
        best = -np.sort(-scores, axis=1)[:, :_DEPTH]
    return best[:, -1]
