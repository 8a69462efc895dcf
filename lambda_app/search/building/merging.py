"""Makes one index of the live rows of several, from what they store: no photo is embedded again.

A vector that is stored in fewer bits stays as it is, bit for bit. To round it again would add a new error with each
merge. The lists of candidates keep their centroids, so only the new rows are assigned to a list. Vectors that come
after k-means ran may fit its centroids badly; then the search misses neighbours. So recall is measured, and once it
has fallen too far, k-means runs again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.release.manifest import IndexEntry, IndexType
from lambda_app.search.building.choice import EXACT_UP_TO, TARGET_RECALL, build_index, tuned, written
from lambda_app.search.building.inverted import BLOCK, MIN_TRAINED_ON, lists_for, new_lists, refined
from lambda_app.search.building.live_vectors import LiveVectors, Part, in_blocks
from lambda_app.search.building.recall import Trial
from lambda_app.search.vector_file import CODES, VectorFile, open_vectors
from lambda_app.search.vectors import unit

# New centroids, if recall@10 is by so much lower than when the present ones were new.
MOST_LOST_RECALL = 0.005
# New centroids, if so many times more lists would be chosen for so many rows: each list has become long.
_MORE_LISTS = 2
# int8 stores values within the range of the vectors that it was trained on. If more than this share of the new rows lie
# outside, so that the stored vector has a lower cosine to the row's than this, all vectors are stored as float16.
_MOST_MISFITS, _FITTING_COSINE = 0.01, 0.998
# A new row takes over the stored bits of the row that it replaces if their vectors differ by no more than this.
_SAME = 1e-6


@dataclass(frozen=True)
class Merged:
    """What became of the indexes.

    Attributes:
        entry: of the new index.
        centroids: "kept", "new", or "none" of a flat index.
        lost: by how much recall@10 fell with the centroids kept; None if it was not measured.
    """

    entry: IndexEntry
    centroids: str
    lost: float | None = None


def merge_indexes(
    files: Sequence[tuple[Path, IndexEntry]],
    live: Sequence[npt.NDArray[np.int64]],
    replaced: npt.NDArray[np.int64],
    path: Path,
    seed: int = 0,
) -> Merged:
    """Write one index of the live rows, in the order of the indexes.

    A flat base becomes an inverted file when it outgrows exact search, unless it was chosen to be flat beyond that.

    Memory holds the new index and a block of vectors, not the old indexes: they are mapped.

    Args:
        files: the indexes, the base first.
        live: the live rows of each, int64, ascending; at least one in all.
        replaced: for each live row behind the base's, the row of the base with the same photo, or -1: int64.
        path: the file to write.
        seed: of k-means and of the choice of queries for measuring recall.

    Raises:
        ReleaseError: a file is not an index.
    """
    parts = [Part(open_vectors(file), rows) for (file, _), rows in zip(files, live, strict=True)]
    vectors, base, entry = LiveVectors(parts), parts[0], files[0][1]
    if base.file.inverted is None and (len(vectors) <= EXACT_UP_TO or entry.count > EXACT_UP_TO):
        flat = written(path, _stored(parts, replaced, "flat"), "flat")
        return Merged(flat.model_copy(update={"recall_at_10": 1.0, "latency_ms": entry.latency_ms}), "none")
    if base.file.inverted is None:
        return Merged(build_index(vectors, "auto", path, seed), "new")
    first = _first_recall(files[0][0], entry, base, seed)
    kind: IndexType = entry.type if _fits(parts) else "ivf-float16"
    kept = written(path, refined(_same_lists(parts), _stored(parts, replaced, kind)), kind)
    kept = kept.model_copy(update={"search": entry.search, "latency_ms": entry.latency_ms})
    trial = Trial(_everything(open_vectors(path)), seed)
    reached = trial.measured(path, kept).recall_at_10 or 0.0
    lost = first - reached
    if len(vectors) < MIN_TRAINED_ON or not (lost > MOST_LOST_RECALL or _outgrown(len(vectors), base.file.lists)):
        return Merged(_with_recall(kept, entry, first, 0.0), "kept", lost)
    renewed = written(path, refined(new_lists(vectors, seed), _stored(parts, replaced, kind)), kind)
    renewed = trial.timed(path, tuned(trial, path, renewed, min(first, TARGET_RECALL["ivf-float16"])))
    own = renewed.recall_at_10 or 0.0
    return Merged(_with_recall(renewed, entry, own, own - first), "new", lost)


def _outgrown(count: int, lists: int) -> bool:
    return lists_for(count) >= _MORE_LISTS * lists


def _with_recall(made: IndexEntry, old: IndexEntry, first: float, gained: float) -> IndexEntry:
    """The entry with recall@10 as it is when its centroids are new.

    Args:
        first: its `stored_recall`.
        gained: how much higher that is than the old one.
    """
    known = old.recall_at_10
    # What rounding cost when the vectors were stored is in the old figure, and cannot be measured without them.
    recall = None if known is None else min(1.0, max(0.0, known + gained))
    return made.model_copy(update={"recall_at_10": recall, "stored_recall": first})


def _first_recall(path: Path, entry: IndexEntry, base: Part, seed: int) -> float:
    """Recall@10 of the base among its own stored vectors when its centroids were new."""
    if entry.stored_recall is not None:
        return entry.stored_recall
    return Trial(_everything(base.file), seed).measured(path, entry).recall_at_10 or 0.0


def _everything(file: VectorFile) -> LiveVectors:
    return LiveVectors([Part(file, np.arange(file.stored.ntotal, dtype=np.int64))])


def _fits(parts: Sequence[Part]) -> bool:
    """Whether the type of the base can store nearly all new rows."""
    base, added = parts[0].file, LiveVectors(parts[1:]) if len(parts) > 1 else ()
    misfits = 0
    for start in range(0, len(added), BLOCK):
        vectors = added[start : start + BLOCK]
        kept = unit(base.stored.sa_decode(base.stored.sa_encode(vectors)))
        misfits += int(np.count_nonzero(np.einsum("ij,ij->i", kept, vectors) < _FITTING_COSINE))
    return misfits <= _MOST_MISFITS * len(added)


def _stored(parts: Sequence[Part], replaced: npt.NDArray[np.int64], kind: IndexType) -> faiss.IndexFlatCodes:
    """The full vectors of the live rows, in the type of the base or as float16."""
    base = parts[0].file
    index = _empty(base, kind)
    index.codes.resize(sum(len(part.rows) for part in parts) * index.code_size)  # reserves the memory
    index.codes.resize(0)
    known = _codes(base)
    for number, part in enumerate(parts):
        start = 0
        for rows in in_blocks(part.rows, BLOCK):
            if kind == base.type and _same_codes(part.file, base):
                codes = _codes(part.file)[rows]
            else:
                vectors = unit(part.file.stored.reconstruct_batch(rows))
                codes = index.sa_encode(vectors)
            if number and kind == base.type:
                olds = replaced[start : start + len(rows)]
                codes = _taken_over(codes, part, rows, base, known, olds)
            index.add_sa_codes(np.ascontiguousarray(codes))
            start += len(rows)
        if number:
            replaced = replaced[len(part.rows) :]
    return index


def _taken_over(
    codes: npt.NDArray[np.uint8],
    part: Part,
    rows: npt.NDArray[np.int64],
    base: VectorFile,
    known: npt.NDArray[np.uint8],
    replaced: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint8]:
    """The codes of new rows, with those of the base where the vector is that of the row that it replaces."""
    places = np.flatnonzero(replaced >= 0)
    if not len(places):
        return codes
    new = unit(part.file.stored.reconstruct_batch(rows[places]))
    old = unit(base.stored.reconstruct_batch(replaced[places]))
    places = places[np.abs(new - old).max(axis=1) <= _SAME]
    codes = codes.copy()
    codes[places] = known[replaced[places]]
    return codes


def _empty(base: VectorFile, kind: IndexType) -> faiss.IndexFlatCodes:
    stored = base.stored
    if kind == "flat":
        return faiss.IndexFlatIP(stored.d)
    if kind != base.type:
        return faiss.IndexScalarQuantizer(stored.d, CODES[kind], faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexScalarQuantizer(stored.d, stored.sq.qtype, faiss.METRIC_INNER_PRODUCT)
    _copy_quantiser(stored, index)
    return index


def _codes(file: VectorFile) -> npt.NDArray[np.uint8]:
    """The stored bits of all vectors, mapped: uint8 (n, bytes of a vector)."""
    stored = file.stored
    size = int(stored.code_size)
    whole: npt.NDArray[np.uint8] = faiss.rev_swig_ptr(stored.codes.data(), stored.ntotal * size)
    return whole.reshape(-1, size)


def _same_codes(one: VectorFile, base: VectorFile) -> bool:
    """Whether equal bits mean equal vectors in both."""
    if one.type != base.type:
        return False
    return base.inverted is None or np.array_equal(
        faiss.vector_to_array(one.stored.sq.trained), faiss.vector_to_array(base.stored.sq.trained)
    )


def _same_lists(parts: Sequence[Part]) -> faiss.IndexPreTransform:
    """The part of the base that finds candidates, with the live rows of all parts."""
    base = parts[0]
    chain = faiss.downcast_index(base.file.searched.base_index)
    old = faiss.downcast_index(chain.index)
    coarse, centroids = faiss.downcast_VectorTransform(chain.chain.at(0)), faiss.downcast_index(old.quantizer)
    inverted = faiss.IndexIVFScalarQuantizer(
        centroids, old.d, old.nlist, old.sq.qtype, faiss.METRIC_INNER_PRODUCT, old.by_residual
    )
    _copy_quantiser(old, inverted)
    renumbered = np.full(old.ntotal, -1, np.int64)
    renumbered[base.rows] = np.arange(len(base.rows))
    for number, size in enumerate(base.file.list_sizes.tolist()):
        if size:
            _copy_list(old, inverted, number, size, renumbered)
    inverted.ntotal = len(base.rows)
    candidates = faiss.IndexPreTransform(coarse, inverted)
    candidates.ntotal = inverted.ntotal
    candidates.referenced_objects = [coarse, centroids, inverted, base.file]  # FAISS only keeps raw pointers
    added = LiveVectors(parts[1:]) if len(parts) > 1 else ()
    for start in range(0, len(added), BLOCK):
        candidates.add(added[start : start + BLOCK])
    return candidates


def _copy_list(
    old: faiss.IndexIVF, new: faiss.IndexIVF, number: int, size: int, renumbered: npt.NDArray[np.int64]
) -> None:
    ids = renumbered[faiss.rev_swig_ptr(old.invlists.get_ids(number), size)]
    codes = faiss.rev_swig_ptr(old.invlists.get_codes(number), size * old.code_size).reshape(size, old.code_size)
    kept = ids >= 0
    if kept.any():
        own_ids, own_codes = np.ascontiguousarray(ids[kept]), np.ascontiguousarray(codes[kept])
        new.invlists.add_entries(number, len(own_ids), faiss.swig_ptr(own_ids), faiss.swig_ptr(own_codes))


def _copy_quantiser(old: faiss.Index, new: faiss.Index) -> None:
    faiss.copy_array_to_vector(faiss.vector_to_array(old.sq.trained), new.sq.trained)
    new.is_trained = True
