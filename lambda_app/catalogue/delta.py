"""The index of a segment that is added to a catalogue."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.release.manifest import IndexEntry, file_entry


def write_delta(path: Path, vectors: npt.NDArray[np.float32]) -> IndexEntry:
    """Write the index of new rows.

    Args:
        path: the file to write.
        vectors: float32 (n, d), L2-normalised.
    """
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    faiss.write_index(flat, str(path))
    return IndexEntry(**file_entry(path), count=len(vectors), recall_at_10=1.0)
