"""Search in a catalogue that has changed since training: further segments and dead rows, compared with its base alone.

Of the added photos, half are of products like those of the base. A quarter are of other kinds, embedded by the same
network: their variance is in the same directions. A quarter are like nothing in the base: their directions differ too.
All variants are asked in turn, so what else the machine does changes their times, but hardly their ratios.
"""

import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from benchmarks.bench.neighbours.exact import TIE, exact_floor, recall_at_k
from benchmarks.figures.table import Goal, Report, Row, Spread, exact, spread
from benchmarks.inputs.bench_release import ROOT
from benchmarks.inputs.synthetic import DIM, SyntheticCatalogue
from benchmarks.processes.search_probe import K
from lambda_app.catalogue.delta import write_delta
from lambda_app.release.manifest import IndexEntry, IndexType
from lambda_app.release.row_set import RowSet
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.nearest import Index
from lambda_app.search.segmented_index import SegmentedIndex
from lambda_app.search.vectors import unit

COUNT, QUICK_COUNT = 100_000, 20_000
KINDS: tuple[IndexType, ...] = ("ivf-float16", "ivf-int8")
QUERIES, QUICK_QUERIES = 1_000, 300
ROUNDS, QUICK_ROUNDS = 5, 3
ADDED, DEAD = 0.1, 0.2  # of the rows of the base; of all rows
# How many segments the added rows are in, and how many times larger each is than the one behind it. Batches of changes
# leave a factor above 2 (see `lambda_app.catalogue.building`).
SHAPES = {"1 segment": (1, 1), "6 segments": (6, 3)}
LIKE = "like the base"
MOST_TIME, LESS_RECALL = 1.5, 0.002

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """The vectors of a catalogue that has changed.

    Attributes:
        base, added: float16 (n, DIM), as they are stored.
        queries: float32 (q, DIM), L2-normalised, by what they resemble.
    """

    base: npt.NDArray[np.float16]
    added: npt.NDArray[np.float16]
    queries: dict[str, Vectors]

    @cached_property
    def all(self) -> npt.NDArray[np.float16]:
        """All vectors in the order of their rows."""
        return np.concatenate([self.base, self.added])


def run(quick: bool) -> Report:
    """Build each type of index in a temporary folder under var/bench, and search it."""
    parent = ROOT / "var" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    count, asked, rounds = (QUICK_COUNT, QUICK_QUERIES, QUICK_ROUNDS) if quick else (COUNT, QUERIES, ROUNDS)
    rows: list[Row] = []
    notes = [
        f"{DIM} dimensions; k = {K}; one query at a time, on one thread; p50 of {asked:,} queries, {rounds} rounds"
    ]
    inputs = make_inputs(count, asked)
    for kind in KINDS:
        logging.info("segments: %s photos, %s", f"{count:,}", kind)
        with tempfile.TemporaryDirectory(dir=parent, prefix="segments-") as folder:
            entry = build_index(inputs.base, kind, Path(folder) / "base.faiss", seed=0)
            rows += measure(Path(folder), inputs, entry, rounds)
            notes.append(f"{kind}: {entry.search}")
    return Report(rows, notes)


def make_inputs(count: int, queries: int) -> Inputs:
    """Vectors of `count` photos and the added ones, in a random order, and queries."""
    added = round(ADDED * count)
    catalogue = SyntheticCatalogue(count + added - added // 2)
    others = {
        "new kinds": SyntheticCatalogue(added // 4, seed=1, rotation=0),
        "unlike the base": SyntheticCatalogue(added // 2 - added // 4, seed=2),
    }
    stored = np.concatenate(list(catalogue.blocks())).astype(np.float16)
    parts = [stored[count:], *(block.astype(np.float16) for other in others.values() for block in other.blocks())]
    new = np.random.default_rng(0).permutation(np.concatenate(parts))
    asked = {LIKE: catalogue.queries(queries)} | {name: other.queries(queries) for name, other in others.items()}
    return Inputs(stored[:count], new, asked)


def measure(folder: Path, inputs: Inputs, entry: IndexEntry, rounds: int) -> list[Row]:
    """The rows of the table for one base index.

    Args:
        folder: where the base index is; the segments are written there.
        entry: of the base index.
    """
    faiss.omp_set_num_threads(1)
    variants = make_variants(folder, inputs, entry)
    seconds, cpu = time_queries(variants, inputs.queries[LIKE], rounds)
    base = base_recalls(variants["base"], inputs)
    rows = []
    for name in [name for name in variants if name != "base"]:
        goal = Goal("at most", MOST_TIME, "ratio") if name in SHAPES else None
        text = f"{entry.type}: {name}, a query, ms" if name in SHAPES else f"  {name} only, ms"
        rows.append(Row(text, milliseconds(seconds[name]), milliseconds(seconds["base"]), goal))
        if name in SHAPES:
            rows.append(Row("  CPU, ms", milliseconds(cpu[name]), milliseconds(cpu["base"])))
            rows += recall_rows(variants[name], inputs, base)
    return rows


def base_recalls(base: Index, inputs: Inputs) -> dict[str, float]:
    """Recall@10 of the base alone beside exact search in its rows, by what the queries resemble."""
    return {
        like: recall_at_k(inputs.base, queries, base.search(queries, K).rows, exact_floor(inputs.base, queries, None))
        for like, queries in inputs.queries.items()
    }


def recall_rows(index: Index, inputs: Inputs, base: dict[str, float]) -> list[Row]:
    """Recall@10 beside exact search in the live rows. Of queries that are unlike the base, also that of added rows.

    Queries that are unlike the base are hard for the base's own rows, too, so they are compared with the base alone;
    but added rows must be found as well as the base finds rows for queries like it.

    Args:
        base: recall of the base alone, by what the queries resemble.
    """
    live = RowSet.of_mask(~dead_rows(len(inputs.all)))
    rows = []
    for like, queries in inputs.queries.items():
        floor = exact_floor(inputs.all, queries, live)
        found = index.search(queries, K).rows
        share, least = recall_at_k(inputs.all, queries, found, floor), Goal("at least", base[like] - LESS_RECALL)
        rows.append(Row(f"  recall@10, queries {like}", exact(share), exact(base[like]), least))
        if like != LIKE:
            share, least = added_recall(inputs, like, found, floor, live), Goal("at least", base[LIKE] - LESS_RECALL)
            rows.append(Row("    of the added rows among the ten", exact(share), exact(base[LIKE]), least))
    return rows


def added_recall(
    inputs: Inputs, like: str, found: npt.NDArray[np.int64], floor: npt.NDArray[np.float32], live: RowSet
) -> float:
    """The share of the added rows among the exact ten nearest of each query that were found."""
    start = len(inputs.base)
    expected = inputs.queries[like] @ unit(inputs.added).T >= floor[:, np.newaxis] - TIE
    expected &= live.mask(len(inputs.all))[start:]
    hits = sum(
        int(row[neighbours[neighbours >= start] - start].sum()) for row, neighbours in zip(expected, found, strict=True)
    )
    return hits / int(expected.sum())


def make_variants(folder: Path, inputs: Inputs, entry: IndexEntry) -> dict[str, Index]:
    """The base alone, with dead rows and segments, and with one of both."""
    base = VectorIndex(folder / "base.faiss", entry, threads=1)
    counts = {name: segment_sizes(len(inputs.added), *shape) for name, shape in SHAPES.items()}
    deltas = {name: write_segments(folder, inputs.added, sizes, entry) for name, sizes in counts.items()}

    def combined(further: Sequence[VectorIndex], *, dead: bool) -> SegmentedIndex:
        indexes = [base, *further]
        sizes = [index.count for index in indexes]
        return SegmentedIndex(indexes, LiveRows.without(sizes, dead_rows(sum(sizes)) if dead else None))

    variants: dict[str, Index] = {"base": base}
    variants |= {name: combined(further, dead=True) for name, further in deltas.items()}
    variants["dead rows"] = combined([], dead=True)
    variants |= {f"added rows in {name}": combined(further, dead=False) for name, further in deltas.items()}
    return variants


def segment_sizes(count: int, segments: int, factor: int) -> list[int]:
    """The sizes of so many segments of `count` rows, each `factor` times larger than the next."""
    shares = np.array([float(factor) ** -number for number in range(segments)])
    ends = np.round(np.cumsum(shares / shares.sum()) * count).astype(int)
    sizes: list[int] = np.diff(ends, prepend=0).tolist()
    return sizes


def write_segments(
    folder: Path, vectors: npt.NDArray[np.float16], sizes: Sequence[int], base: IndexEntry
) -> list[VectorIndex]:
    """Write the rows as segments of these sizes, as changes are applied, and open them."""
    opened, start = [], 0
    for number, size in enumerate(sizes):
        path = folder / f"segment-{len(sizes)}-{number}.faiss"
        entry = write_delta(path, unit(vectors[start : start + size]), base)
        opened.append(VectorIndex(path, entry, threads=1))
        start += size
    return opened


def dead_rows(count: int) -> npt.NDArray[np.bool_]:
    """A share of DEAD of the rows, chosen at random: bool (count,)."""
    return np.random.default_rng(1).random(count) < DEAD


def time_queries(
    variants: dict[str, Index], queries: Vectors, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """The median seconds of a query in each round, and the mean CPU seconds, by variant."""
    names = list(variants)
    wall: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        taken = np.empty((len(queries), len(names), 2))
        for number in range(len(queries)):
            for variant in range(len(names)):
                # Far apart, so that no variant has what another one has just read for the same query in its cache.
                query = queries[(number + variant * len(queries) // len(names)) % len(queries)]
                begin, began = time.perf_counter(), time.process_time()
                variants[names[variant]].search(query[np.newaxis], K)
                taken[number, variant] = time.perf_counter() - begin, time.process_time() - began
        for variant, name in enumerate(names):
            wall[name].append(float(np.median(taken[:, variant, 0])))
            cpu[name].append(float(taken[:, variant, 1].mean()))
    return wall, cpu


def milliseconds(seconds: Sequence[float]) -> Spread:
    """The spread of seconds, in milliseconds."""
    return spread(1000 * value for value in seconds)
