"""The vector index of a catalogue: exact while that is fast, an inverted file beyond, chosen by measured recall.

An inverted file (`training.index.inverted`) keeps whole vectors as float16 or, where that is much to download and to
map, as int8. Which one, and how many lists each query looks into, is decided here.
"""

from pathlib import Path

import faiss

from lambda_app.release.manifest import IndexEntry, IndexType, file_entry
from training.index.inverted import Vectors, blocks, inverted_file, lists_for
from training.index.recall import DEPTH, Trial

# An inverted file takes 0.05 ms whatever is below 10,000 vectors, exact search 0.025 ms a thousand (256 dimensions).
EXACT_UP_TO = 2_000
# Rounding to 8 bits costs recall and saves half of the file: 256 MB at a million vectors.
FLOAT16_UP_TO = 200_000
KINDS: tuple[IndexType, ...] = ("flat", "ivf-float16", "ivf-int8")
# What is asked of recall@10; where the most thorough search gives less, what it gives but for YIELDED.
WANTED_RECALL: dict[IndexType, float] = {"ivf-float16": 0.9995, "ivf-int8": 0.982}
YIELDED = 0.005
# Beyond so many vectors a query takes a millisecond, and a hundredth of recall is a third of that.
MANY, WANTED_OF_MANY = 3_000_000, 0.975
# Below that, a catalogue is too dense for 8 bits.
LEAST_INT8_RECALL = 0.95

_NPROBES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_FACTORS = (4, 6, 8, 12, 16, 24, 32)
# Time of ranking a candidate, in times of looking at a vector in a list (measured at 256 dimensions).
_RANKING_COST = 30


def build_index(vectors: Vectors, kind: str, path: Path, seed: int) -> IndexEntry:
    """Write an index of the vectors beside `path`, then rename it into place; measure it against exact search.

    Args:
        vectors: float32 or float16 (n, d), L2-normalised; may be memory-mapped, and is then never held as a whole.
        kind: one of KINDS, or "auto": flat up to EXACT_UP_TO vectors, float16 up to FLOAT16_UP_TO, beyond that int8
            where its recall suffices and else float16.
        path: file to write.
        seed: of k-means and of the queries that measure recall.

    Returns:
        The manifest's entry. An inverted file carries the cheapest search settings that reach its WANTED_RECALL
        (beyond MANY vectors WANTED_OF_MANY), or what can be reached.

    Raises:
        IndexBuildError: too few vectors for an inverted file.
    """
    trial = Trial(vectors, seed)
    if kind == "flat" or (kind == "auto" and len(vectors) <= EXACT_UP_TO):
        return trial.timed(path, trial.measured(path, _write(path, _flat(vectors), "flat")))
    if kind == "auto":
        kinds: list[IndexType] = ["ivf-float16"] if len(vectors) <= FLOAT16_UP_TO else ["ivf-int8", "ivf-float16"]
    else:
        kinds = [known for known in KINDS if known == kind]
    for candidate in kinds:
        entry = _write(path, inverted_file(vectors, candidate, seed), candidate)
        entry = trial.timed(path, _tuned(trial, path, entry))
        if (entry.recall_at_10 or 0.0) >= LEAST_INT8_RECALL:
            break
    return entry


def _flat(vectors: Vectors) -> faiss.Index:
    index = faiss.IndexFlatIP(vectors.shape[1])
    for block in blocks(vectors, "index"):
        index.add(block)
    return index


def _write(path: Path, index: faiss.Index, kind: IndexType) -> IndexEntry:
    partial = path.with_name(f".{path.name}.partial")
    faiss.write_index(index, str(partial))
    partial.replace(path)
    return IndexEntry(type=kind, count=index.ntotal, **file_entry(path))


def _tuned(trial: Trial, path: Path, entry: IndexEntry) -> IndexEntry:
    """The entry with the cheapest search settings that reach its recall, and that recall.

    Cost is counted in vectors looked at, which unlike time is the same on every machine. The fewer candidates a
    neighbour, the more lists a query needs: a walk along the border of what suffices sees every setting worth having.
    """
    lists = lists_for(entry.count)
    nprobes = sorted({min(nprobe, lists) for nprobe in _NPROBES})
    factors = list(_FACTORS)

    def measured(nprobe: int, factor: int) -> tuple[IndexEntry, float]:
        settings = {"nprobe": nprobe, "factor": factor}
        found = trial.measured(path, entry.model_copy(update={"search": settings}))
        return found, found.recall_at_10 or 0.0

    best, reached = measured(nprobes[-1], factors[-1])
    asked = WANTED_RECALL[entry.type] if entry.count <= MANY else WANTED_OF_MANY
    wanted = asked if reached >= asked else reached - YIELDED
    least = float("inf")
    while nprobes and factors:
        candidate, reached = measured(nprobes[0], factors[-1])
        if reached < wanted:
            nprobes.pop(0)
            continue
        cost = nprobes[0] * entry.count / lists + _RANKING_COST * factors.pop() * DEPTH
        if cost < least:
            best, least = candidate, cost
    return best
