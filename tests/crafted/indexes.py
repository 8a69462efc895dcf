"""Indexes that a compromised training job could drop. Each is a change of a sound file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from tests.releases import DIM, write_index

Raw = dict[str, Any]


def vectors(path: Path) -> np.ndarray:
    """The stored vectors of a flat index."""
    index = faiss.read_index(str(path))
    return index.reconstruct_n(0, index.ntotal)


def with_vectors(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path, Raw], None]:
    """A flat index of changed vectors."""

    def craft(path: Path, raw: Raw) -> None:
        write_index(path, np.ascontiguousarray(change(vectors(path)), np.float32))

    return craft


def set_to(value: float, row: int = 3) -> Callable[[np.ndarray], np.ndarray]:
    """One number of one vector is another."""

    def change(found: np.ndarray) -> np.ndarray:
        found = found.copy()
        found[row, 0] = value
        return found

    return change


def searched_with(**settings: int) -> Callable[[Path, Raw], None]:
    """Other search settings in the manifest."""

    def craft(path: Path, raw: Raw) -> None:
        raw["index"]["search"] = raw["index"].get("search", {}) | settings

    return craft


def inverted(change: Callable[[faiss.IndexRefine, faiss.IndexIVF], None]) -> Callable[[Path, Raw], None]:
    """A change of the parts of an inverted file."""

    def craft(path: Path, raw: Raw) -> None:
        index = faiss.read_index(str(path))
        change(index, faiss.extract_index_ivf(index.base_index))
        faiss.write_index(index, str(path))

    return craft


def first_id(value: int) -> Callable[[faiss.IndexRefine, faiss.IndexIVF], None]:
    """The first row of the first list is another."""

    def change(index: faiss.IndexRefine, ivf: faiss.IndexIVF) -> None:
        ids = faiss.rev_swig_ptr(ivf.invlists.get_ids(0), ivf.invlists.list_size(0))
        ids[0] = value if value >= 0 or value < -1 else ids[1]

    return change


def nan_projection(index: faiss.IndexRefine, ivf: faiss.IndexIVF) -> None:
    """A weight of the projection is NaN."""
    chain = faiss.downcast_index(index.base_index)
    transform = faiss.downcast_VectorTransform(chain.chain.at(0))
    weights = faiss.vector_to_array(transform.A)
    weights[0] = np.nan
    faiss.copy_array_to_vector(weights, transform.A)


def nan_centroid(index: faiss.IndexRefine, ivf: faiss.IndexIVF) -> None:
    """A number of a centroid is NaN."""
    codes = faiss.vector_to_array(faiss.downcast_index(ivf.quantizer).codes)
    codes[:4] = np.array([np.nan], np.float32).view(np.uint8)
    faiss.copy_array_to_vector(codes, faiss.downcast_index(ivf.quantizer).codes)


def too_few_centroids(index: faiss.IndexRefine, ivf: faiss.IndexIVF) -> None:
    """A list has no centroid."""
    centroids = faiss.downcast_index(ivf.quantizer)
    kept = centroids.reconstruct_n(0, ivf.nlist - 1)
    centroids.reset()
    centroids.add(kept)


def nan_codes(index: faiss.IndexRefine, ivf: faiss.IndexIVF) -> None:
    """A stored vector, kept as float16, is NaN."""
    stored = faiss.downcast_index(index.refine_index)
    codes = faiss.vector_to_array(stored.codes)
    codes[:2] = np.array([np.nan], np.float16).view(np.uint8)
    faiss.copy_array_to_vector(codes, stored.codes)


def one_row_less(index: faiss.IndexRefine, ivf: faiss.IndexIVF) -> None:
    """The last row of a list is in no list."""
    ivf.invlists.resize(0, ivf.invlists.list_size(0) - 1)


def of_squared_distance(path: Path, raw: Raw) -> None:
    """A flat index by L2 distance."""
    index = faiss.IndexFlatL2(DIM)
    index.add(vectors(path))
    faiss.write_index(index, str(path))


def graph(path: Path, raw: Raw) -> None:
    """An HNSW graph, whose links lead anywhere."""
    index = faiss.IndexHNSWFlat(DIM, 8, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors(path))
    faiss.write_index(index, str(path))


def with_own_ids(path: Path, raw: Raw) -> None:
    """A flat index that gives ids of its own instead of rows."""
    found = vectors(path)
    index = faiss.IndexIDMap(faiss.IndexFlatIP(DIM))
    index.add_with_ids(found, np.arange(len(found)) + 1_000_000)
    faiss.write_index(index, str(path))


def candidates_with_own_ids(path: Path, raw: Raw) -> None:
    """Candidates by an index that gives ids of its own."""
    index = faiss.read_index(str(path))
    base = faiss.downcast_index(index.base_index)
    mapped = faiss.IndexIDMap(faiss.IndexFlatIP(base.d))
    mapped.index = base
    faiss.copy_array_to_vector(np.arange(base.ntotal, dtype=np.int64) + 1_000_000, mapped.id_map)
    mapped.ntotal = base.ntotal
    index.base_index = mapped
    index.referenced_objects = [mapped, base]
    faiss.write_index(index, str(path))
    index.base_index = base


def cut(path: Path, raw: Raw) -> None:
    """A file that ends too early."""
    path.write_bytes(path.read_bytes()[:-100])


def huge_count(path: Path, raw: Raw) -> None:
    """A header that promises 2^60 vectors."""
    data = bytearray(path.read_bytes())
    data[8:16] = (1 << 60).to_bytes(8, "little")
    path.write_bytes(bytes(data))
