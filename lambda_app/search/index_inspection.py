"""Inspection of an index before it may go live. FAISS files from a drop are untrusted.

FAISS trusts what it reads: ids out of range, or lists of another code size, lead it to other memory. Promotion looks at
every part first, in a process that may crash.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.release.manifest import IndexEntry
from lambda_app.search.vector_file import VectorFile, open_vectors

# Lists of an inverted file: `VectorFile.list_of_row` numbers them in 16 bits.
MOST_LISTS = 65_536
# Candidates for each neighbour. Training chooses at most 32.
MOST_FACTOR = 1_000
# Up to so many vectors, every one is read; of more, blocks that are spread over the whole file.
SAMPLE_ABOVE = 1_000_000
_BLOCK = 16_384
# A flat index gives scores as they are, so its vectors must have length 1; this much is left to float32's rounding.
_LENGTH_TOLERANCE = 1e-3


def inspect_index(path: Path, entry: IndexEntry) -> None:
    """Check the search settings, the structure and the vectors of an index.

    Raises:
        ReleaseError: not an index of the entry's type, its parts do not fit each other, a search setting is out of
            range, the ids of an inverted file are not 0 to n - 1, or a vector is not finite or has a wrong length.
    """
    try:
        file = open_vectors(path)
        _check_settings(path.name, entry, file)
        _check_structure(path.name, entry, file)
        if file.inverted is not None:
            _check_lists(path.name, file.inverted, entry.count)
        _check_vectors(path.name, file, entry.count)
    except RuntimeError as exc:  # the only class of FAISS's errors
        raise ReleaseError(f"{path.name} cannot be read as an index: {str(exc).splitlines()[-1]}") from exc


def _check_settings(name: str, entry: IndexEntry, file: VectorFile) -> None:
    limits = {"nprobe": max(1, file.lists), "factor": MOST_FACTOR}
    for setting, limit in limits.items():
        value = entry.search.get(setting, 1)
        if not 1 <= value <= limit:
            raise ReleaseError(f"{name}: {setting} is {value}; it takes 1 to {limit:,}")


def _check_structure(name: str, entry: IndexEntry, file: VectorFile) -> None:
    if file.type != entry.type:
        raise ReleaseError(f"{name} is a {file.type} index; the manifest says {entry.type}")
    if file.searched.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise ReleaseError(f"{name} has metric {file.searched.metric_type}; it takes inner products")
    parts: dict[str, tuple[int, int]] = {"vectors": (file.stored.ntotal, file.stored.d)}
    _check_stored(name, file.stored)
    if file.inverted is not None:
        chain = faiss.downcast_index(file.searched.base_index)
        if not isinstance(chain, faiss.IndexPreTransform) or chain.chain.size() != 1:
            raise ReleaseError(f"{name}: candidates come from a {type(chain).__name__}, not from an IndexPreTransform")
        _check_transform(name, chain, file.inverted)
        parts |= {"inverted file": (file.inverted.ntotal, file.stored.d), "candidates": (chain.ntotal, chain.d)}
        parts["whole"] = (file.searched.ntotal, file.searched.d)
    for part, (count, dim) in parts.items():
        if (count, dim) != (entry.count, file.stored.d):
            raise ReleaseError(
                f"{name}: its {part} part holds {count} vectors of {dim} dimensions; "
                f"expected {entry.count} of {file.stored.d}"
            )


def _check_stored(name: str, stored: faiss.Index) -> None:
    """Check that there are as many bytes as serving reads of the stored vectors, which it does without FAISS."""
    if stored.code_size * stored.ntotal != stored.codes.size():
        raise ReleaseError(f"{name}: it stores {stored.codes.size()} bytes for {stored.ntotal} vectors")
    if not isinstance(stored, faiss.IndexScalarQuantizer):
        width, scales = 4, 0
    elif stored.sq.qtype == faiss.ScalarQuantizer.QT_fp16:
        width, scales = 2, 0
    else:
        width, scales = 1, 2
    found = stored.sq.trained.size() if scales else 0
    if stored.code_size != width * stored.d or found != scales * stored.d:
        raise ReleaseError(f"{name}: a stored vector has {stored.code_size} bytes, and {found} scales belong to them")


def _check_transform(name: str, chain: faiss.IndexPreTransform, inverted: faiss.IndexIVF) -> None:
    transform = faiss.downcast_VectorTransform(chain.chain.at(0))
    if not isinstance(transform, faiss.LinearTransform):
        raise ReleaseError(f"{name}: it projects vectors by a {type(transform).__name__}, not by a LinearTransform")
    inner = faiss.downcast_index(chain.index)
    if not isinstance(inner, faiss.IndexIVFScalarQuantizer):
        raise ReleaseError(f"{name}: it looks for candidates in a {type(inner).__name__}; expected an inverted file")
    weights = faiss.vector_to_array(transform.A)
    shape = (transform.d_out, transform.d_in)
    if shape != (inverted.d, chain.d) or len(weights) != transform.d_out * transform.d_in:
        raise ReleaseError(f"{name}: its projection is {shape} with {len(weights)} weights; expected {chain.d} inputs")
    if transform.have_bias and len(faiss.vector_to_array(transform.b)) != transform.d_out:
        raise ReleaseError(f"{name}: its projection has a bias of a wrong length")
    if not np.isfinite(weights).all() or not np.isfinite(faiss.vector_to_array(transform.b)).all():
        raise ReleaseError(f"{name}: its projection has weights that are not finite")


def _check_lists(name: str, inverted: faiss.IndexIVF, count: int) -> None:
    lists, kept = int(inverted.nlist), inverted.invlists
    centroids = faiss.downcast_index(inverted.quantizer)
    if not 1 <= lists <= MOST_LISTS or kept.nlist != lists or kept.code_size != inverted.code_size:
        raise ReleaseError(f"{name}: its inverted file has {lists} lists and keeps {kept.nlist}; at most {MOST_LISTS}")
    if not isinstance(centroids, faiss.IndexFlat) or (centroids.ntotal, centroids.d) != (lists, inverted.d):
        raise ReleaseError(
            f"{name}: its {lists} lists have {centroids.ntotal} centroids in a {type(centroids).__name__}; "
            f"expected {lists} in an IndexFlat"
        )
    if not np.isfinite(centroids.reconstruct_n(0, lists)).all():
        raise ReleaseError(f"{name}: its centroids are not finite")
    sizes = [int(kept.list_size(number)) for number in range(lists)]
    if sum(sizes) != count:
        raise ReleaseError(f"{name}: its lists hold {sum(sizes)} rows; the manifest says {count}")
    seen = np.zeros(count, np.bool_)
    for number, size in enumerate(sizes):
        if size:
            ids: npt.NDArray[np.int64] = faiss.rev_swig_ptr(kept.get_ids(number), size)
            if ids.min() < 0 or ids.max() >= count:
                raise ReleaseError(
                    f"{name}: list {number} holds rows {ids.min()} to {ids.max()}; rows are 0 to {count - 1}"
                )
            seen[ids] = True
    if not seen.all():
        raise ReleaseError(f"{name}: row {int(seen.argmin())} is in no list, and another row is in two")


def _check_vectors(name: str, file: VectorFile, count: int) -> None:
    for start in _blocks(count):
        vectors = file.stored.reconstruct_n(start, min(_BLOCK, count - start))
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        if not np.isfinite(lengths).all():
            row = start + int((~np.isfinite(lengths)).argmax())
            raise ReleaseError(f"{name}: the vector of row {row} is not finite")
        if file.type == "flat" and (off := lengths > 1 + _LENGTH_TOLERANCE).any():
            row = int(off.argmax())
            raise ReleaseError(
                f"{name}: the vector of row {start + row} has length {lengths[row]:.3f}; vectors have length 1"
            )


def _blocks(count: int) -> Iterator[int]:
    starts = range(0, count, _BLOCK)
    step = max(1, math.ceil(len(starts) * _BLOCK / (SAMPLE_ABOVE + _BLOCK)))
    yield from starts[::step]
