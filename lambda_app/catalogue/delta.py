"""The index of a segment that is added to a catalogue."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.release.manifest import IndexEntry, IndexType, file_entry
from lambda_app.search.building.inverted import inverted_file, lists_for
from lambda_app.search.building.recall import Trial

# Up to so many rows, exact search is as fast as an inverted file: 0.025 ms for each 1,000 rows, 0.02 to 0.03 ms.
FLAT_UP_TO = 1_000
# Stored like this whatever the base stores: rows of later changes are unlike those that int8 would be scaled to.
_KIND: IndexType = "ivf-float16"
# Its rows are found a little more surely than those of the base, up to a recall that is enough for every base.
_MORE_RECALL, MOST_RECALL = 0.005, 0.998
# Rows unlike all others need several candidates for each neighbour, because lists store few dimensions. With 3, a query
# for them missed 2.5 % of them (`scripts/bench segments`).
_FACTOR = 8
_NPROBES = (8, 12, 16, 24, 32, 48, 64, 96, 128)
_SEED = 0


def write_delta(path: Path, vectors: npt.NDArray[np.float32], base: IndexEntry) -> IndexEntry:
    """Write the index of new rows: exact search for few, else an inverted file with centroids of its own.

    New rows may be like nothing in the base, so its centroids and its few dimensions would miss some of them.

    Args:
        path: the file to write.
        vectors: float32 (n, d), L2-normalised.
        base: of the catalogue's first segment.
    """
    if len(vectors) <= FLAT_UP_TO:
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        faiss.write_index(flat, str(path))
        return IndexEntry(**file_entry(path), count=len(vectors), recall_at_10=1.0)
    faiss.write_index(inverted_file(vectors, _KIND, _SEED), str(path))
    entry = IndexEntry(type=_KIND, **file_entry(path), count=len(vectors))
    target = min(MOST_RECALL, (base.recall_at_10 or 1.0) + _MORE_RECALL)
    trial, lists = Trial(vectors, _SEED), lists_for(len(vectors))
    for nprobe in sorted({min(nprobe, lists) for nprobe in _NPROBES}):
        settings = {"nprobe": nprobe, "factor": _FACTOR}
        entry = trial.measured(path, entry.model_copy(update={"search": settings}))
        if (entry.recall_at_10 or 0) >= target:
            break
    return entry
