"""Choose and build the vector index of a catalogue: exact search for small ones, else an inverted file.

An inverted file (see `inverted.py`) stores full vectors as float16, or as int8 if the float16 file would be large to
download and to memory-map. This module chooses between them, and sets nprobe (inverted lists searched per query) by
measured recall.
"""

from pathlib import Path

import faiss

from lambda_app.release.manifest import IndexEntry, IndexType, file_entry
from lambda_app.search.building.inverted import Track, Vectors, blocks, inverted_file, lists_for, silently
from lambda_app.search.building.recall import DEPTH, Trial

# Query time at 256 dimensions: exact search 0.025 ms per 1,000 vectors, inverted file 0.05 ms up to 10,000 vectors.
EXACT_UP_TO = 2_000
# int8 has lower recall, but its file is half as large: it saves 256 MB at one million vectors.
FLOAT16_UP_TO = 200_000
KINDS: tuple[IndexType, ...] = ("flat", "ivf-float16", "ivf-int8")
# Target for recall@10. If even the largest search settings do not reach it: their recall minus RECALL_MARGIN.
TARGET_RECALL: dict[IndexType, float] = {"ivf-float16": 0.9997, "ivf-int8": 0.983}
RECALL_MARGIN = 0.005
# Above this size a query takes about 1 ms, and the last 0.01 of recall would cost a third of that time.
LARGE_CATALOGUE, LARGE_TARGET_RECALL = 3_000_000, 0.975
# With less recall than this, the vectors are too close together for int8; "auto" then uses float16.
MIN_INT8_RECALL = 0.95

_NPROBES = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128)
_FACTORS = (4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 24, 28, 32)
# Cost of ranking one candidate, relative to scanning one vector of a list (measured at 256 dimensions).
_RANKING_COST = 60


def build_index(vectors: Vectors, kind: str, path: Path, seed: int, track: Track = silently) -> IndexEntry:
    """Build an index of the vectors, write it atomically to `path`, and measure it against exact search.

    Args:
        vectors: float32 or float16 (n, d), L2-normalised; may be memory-mapped; is then never loaded as a whole.
        kind: one of KINDS, or "auto": flat up to EXACT_UP_TO vectors, float16 up to FLOAT16_UP_TO, above that
            int8 if its recall is at least MIN_INT8_RECALL, else float16.
        path: file to write.
        seed: random seed of k-means and of the choice of queries for measuring recall.
        track: reports progress.

    Returns:
        The manifest's entry. For an inverted file it has the cheapest search settings that reach the target recall
        (above LARGE_CATALOGUE vectors: LARGE_TARGET_RECALL), or nearly the best recall if that is lower.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    trial = Trial(vectors, seed, track)
    if kind == "flat" or (kind == "auto" and len(vectors) <= EXACT_UP_TO):
        return trial.timed(path, trial.measured(path, written(path, _flat(vectors, track), "flat")))
    if kind == "auto":
        kinds: list[IndexType] = ["ivf-float16"] if len(vectors) <= FLOAT16_UP_TO else ["ivf-int8", "ivf-float16"]
    else:
        kinds = [known for known in KINDS if known == kind]
    for candidate in kinds:
        entry = written(path, inverted_file(vectors, candidate, seed, track), candidate)
        entry = trial.timed(path, tuned(trial, path, entry, _target(entry)))
        if (entry.recall_at_10 or 0.0) >= MIN_INT8_RECALL:
            break
    return entry


def _flat(vectors: Vectors, track: Track) -> faiss.Index:
    index = faiss.IndexFlatIP(vectors.shape[1])
    for block in blocks(vectors, "index", track):
        index.add(block)
    return index


def written(path: Path, index: faiss.Index, kind: IndexType) -> IndexEntry:
    """Write an index atomically. Returns its entry, without search settings and figures."""
    partial = path.with_name(f".{path.name}.partial")
    faiss.write_index(index, str(partial))
    partial.replace(path)
    return IndexEntry(type=kind, count=index.ntotal, **file_entry(path))


def _target(entry: IndexEntry) -> float:
    return TARGET_RECALL[entry.type] if entry.count <= LARGE_CATALOGUE else LARGE_TARGET_RECALL


def tuned(trial: Trial, path: Path, entry: IndexEntry, target: float) -> IndexEntry:
    """The entry with the cheapest search settings (nprobe, factor) that reach the target recall, and their recall.

    If no settings reach it: those that come close to the best.

    Cost is counted in scanned vectors, which is the same on every machine, unlike time. With fewer candidates per
    neighbour (factor), a query needs a larger nprobe. So the search starts at the smallest nprobe and the largest
    factor, raises nprobe while recall is too low, and else lowers factor: it visits every setting that can be cheapest.
    """
    lists = lists_for(entry.count)
    nprobes = sorted({min(nprobe, lists) for nprobe in _NPROBES})
    factors = list(_FACTORS)

    def measured(nprobe: int, factor: int) -> tuple[IndexEntry, float]:
        settings = {"nprobe": nprobe, "factor": factor}
        found = trial.measured(path, entry.model_copy(update={"search": settings}))
        return found, found.recall_at_10 or 0.0

    best, reached = measured(nprobes[-1], factors[-1])
    required = target if reached >= target else reached - RECALL_MARGIN
    lowest_cost = float("inf")
    while nprobes and factors:
        candidate, reached = measured(nprobes[0], factors[-1])
        if reached < required:
            nprobes.pop(0)
            continue
        cost = nprobes[0] * entry.count / lists + _RANKING_COST * factors.pop() * DEPTH
        if cost < lowest_cost:
            best, lowest_cost = candidate, cost
    return best
