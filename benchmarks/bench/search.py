"""Search by catalogue size, compared with the replaced design: exact search of float32 vectors.

    python -m benchmarks.bench.search --sizes 10000000

runs other sizes; `scripts/bench search` stops at a million. Ten million vectors take 8 GB of disk, 5 GB of memory while
the index is built, and half an hour on two cores. Above MOST_EXACT vectors, exact search is skipped.
`benchmarks.inputs.synthetic` generates the vectors; queries are new photos of the products.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.bench.neighbours.exact import exact_floor, recall_at_k, write_flat
from benchmarks.bench.neighbours.goals import GOALS
from benchmarks.figures import machine, table
from benchmarks.figures.plots import plot_sweep
from benchmarks.figures.table import Goal, Report, Row, exact, spread
from benchmarks.inputs.bench_release import ROOT
from benchmarks.inputs.synthetic import CATEGORIES, DIM, SyntheticCatalogue
from benchmarks.processes.search_probe import UNFILTERED, Figures, K
from lambda_app.release.filter_columns import FilterColumns
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.row_set import RowSet
from lambda_app.search.building.choice import build_index
from lambda_app.telemetry.formats import quiet_faiss

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (10_000, 100_000)
MOST_EXACT = 2_000_000
QUERIES = 1_000
ROUNDS, QUICK_ROUNDS = 5, 3
# An exact query reads all vectors, so a round of exact search has fewer queries: about this many vector reads.
_EXACT_READS = 20_000_000
_QUERIES_A_ROUND = 500
_MB = 1e6


# The worst case of a filter that correlates with similarity: most matching rows are far from the query. It has no goal.
ANOTHER_CATEGORY = "1 of 13 categories"
LEAST_FILTERED_RECALL, MOST_FILTERED_TIME = 0.95, 3


@dataclass(frozen=True)
class Sweep:
    """The results for one catalogue size.

    Attributes:
        recall: recall@10 by filter.
        filtering: seconds to compute the matching rows of a filter for the first time, by filter.
        build: seconds to build the index from vectors in a file, including its own measurements.
        baseline: exact search; None if the catalogue is too large for it.
    """

    count: int
    entry: IndexEntry
    ours: Figures
    baseline: Figures | None
    recall: dict[str, float]
    filtering: dict[str, float]
    build: float


def run(quick: bool) -> Report:
    """Measure the sizes that take only minutes."""
    return sweep(QUICK_SIZES if quick else SIZES, QUICK_ROUNDS if quick else ROUNDS)


def sweep(sizes: Sequence[int], rounds: int) -> Report:
    """Measure each size in its own temporary folder under var/bench."""
    parent = ROOT / "var" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    results = []
    for count in sizes:
        logging.info("search: a catalogue of %s", f"{count:,}")
        with tempfile.TemporaryDirectory(dir=parent, prefix="search-") as folder:
            results.append(measure(Path(folder), count, rounds))
    notes = [
        f"{DIM} dimensions; {QUERIES:,} new photos of products in the catalogue; k = {K}; one query at a time",
        "filters: the ratio is to our unfiltered query; matching rows are cached between requests with the same filter",
        "peak memory includes the pages of the memory-mapped file that were read",
        *(_note(result) for result in results),
    ]
    return Report([row for result in results for row in rows_of(result)], notes, [_plot(results, parent)])


def measure(folder: Path, count: int, rounds: int) -> Sweep:
    """Generate a catalogue, build its index, query it in another process, and compare with exact search."""
    catalogue = SyntheticCatalogue(count)
    catalogue.write(folder / "vectors.npy")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    queries = catalogue.queries(QUERIES)
    np.save(folder / "queries.npy", queries)
    filters, filtering = filter_sets(catalogue)
    np.savez(folder / "filters.npz", **{name: rows.bits for name, rows in filters.items()})  # type: ignore[arg-type]
    begin = time.perf_counter()
    entry = build_index(vectors, "auto", folder / "index.faiss", seed=0)
    build = time.perf_counter() - begin
    (folder / "index.json").write_text(entry.model_dump_json())
    ours = _probe(folder, rounds, _QUERIES_A_ROUND)
    baseline = None
    if count <= MOST_EXACT:
        write_flat(vectors, folder / "flat.faiss")
        baseline = _probe(folder, rounds, max(10, min(_QUERIES_A_ROUND, _EXACT_READS // count)), "--exact")
    logging.info("search: exact neighbours, with and without filters")
    with np.load(folder / "found.npz") as found:
        recall = {
            name: recall_at_k(vectors, queries, found[name], exact_floor(vectors, queries, filters.get(name)))
            for name in found.files
        }
    return Sweep(count, entry, ours, baseline, recall, filtering, build)


def filter_sets(catalogue: SyntheticCatalogue) -> tuple[dict[str, RowSet], dict[str, float]]:
    """The matching rows, and the seconds, of three price filters (unrelated to similarity) and a category filter."""
    names = tuple(str(number) for number in range(CATEGORIES))
    columns = FilterColumns(names, catalogue.categories(), catalogue.prices())
    bounds: dict[str, tuple[str | None, float | None]] = {
        "50 % pass": (None, 50.0),
        "1 % pass": (None, 1.0),
        "0.01 % pass": (None, 0.01),
        ANOTHER_CATEGORY: ("0", None),
    }
    sets, seconds = {}, {}
    for name, (category, price) in bounds.items():
        begin = time.perf_counter()
        sets[name] = columns.passing(category, None, price)
        seconds[name] = time.perf_counter() - begin
    return {name: rows for name, rows in sets.items() if len(rows)}, seconds


def rows_of(result: Sweep) -> list[Row]:
    """The rows of the table for one size."""
    size, ours, baseline = f"{result.count:,}", result.ours, result.baseline
    goals = GOALS.get(result.count)

    def at_most(limit: float | None) -> Goal | None:
        return None if limit is None else Goal("at most", limit)

    rows = [
        Row(
            f"{size}: a query, ms",
            _milliseconds(ours, UNFILTERED),
            _milliseconds(baseline, UNFILTERED) if baseline else None,
            at_most(goals.query if goals else None),
        ),
        Row(
            "  recall@10",
            exact(result.recall[UNFILTERED]),
            exact(1.0),
            Goal("at least", goals.recall) if goals else None,
        ),
        Row(
            "  file, MB",
            exact(result.entry.bytes / _MB),
            exact(result.count * DIM * 4 / _MB),
            at_most(goals.file if goals else None),
        ),
        Row(
            "  open and first query, ms",
            exact(1000 * ours.first),
            exact(1000 * baseline.first) if baseline else None,
            at_most(goals.first if goals else None),
        ),
        Row(
            "  peak memory of the process, MB",
            exact(ours.peak / _MB),
            exact(baseline.peak / _MB) if baseline else None,
        ),
        Row("  processor time over wall time", exact(ours.threads), goal=Goal("at most", 1.1)),
        Row("  build, s", exact(result.build)),
    ]
    for name in ours.seconds:
        if name != UNFILTERED:
            rows += _filter_rows(result, name)
    return rows


def _filter_rows(result: Sweep, name: str) -> list[Row]:
    unfiltered = _milliseconds(result.ours, UNFILTERED)
    slowest = None if name == ANOTHER_CATEGORY else Goal("at most", MOST_FILTERED_TIME, of="ratio")
    return [
        Row(f"  {name}: a query, ms", _milliseconds(result.ours, name), unfiltered, slowest),
        Row(f"  {name}: recall@10", exact(result.recall[name]), goal=Goal("at least", LEAST_FILTERED_RECALL)),
        Row(f"  {name}: fewest results", exact(result.ours.fewest[name])),
        Row(f"  {name}: working it out the first time, ms", exact(1000 * result.filtering[name])),
    ]


def _milliseconds(figures: Figures, name: str) -> table.Spread:
    return spread(1000 * seconds for seconds in figures.seconds[name])


def _probe(folder: Path, rounds: int, queries: int, *options: str) -> Figures:
    command = [sys.executable, "-m", "benchmarks.processes.search_probe", str(folder)]
    command += ["--rounds", str(rounds), "--queries", str(queries), *options]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Figures(**json.loads(done.stdout))


def _note(result: Sweep) -> str:
    recall = f"{result.entry.recall_at_10:.4f}"
    return (
        f"{result.count:,}: {result.entry.type} {result.entry.search}, recall@10 of the catalogue's own photos {recall}"
    )


def _plot(results: Sequence[Sweep], folder: Path) -> Path:
    missing = float("nan")
    return plot_sweep(
        [result.count for result in results],
        {
            "exact": [_milliseconds(r.baseline, UNFILTERED).median if r.baseline else missing for r in results],
            "ours": [_milliseconds(r.ours, UNFILTERED).median for r in results],
        },
        folder / "search.png",
        x_label="photos in the catalogue",
        y_label="milliseconds a query, one thread",
        scale="log",
    )


def main() -> None:
    """`python -m benchmarks.bench.search`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.search", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    quiet_faiss()
    measured_on = machine.describe()
    print("\n".join(machine.lines(measured_on)), flush=True)
    report = sweep(args.sizes, ROUNDS)
    print("", *table.lines("search", report), sep="\n")
    if args.json:
        table.write_json(args.json, {"machine": measured_on, "benchmarks": {"search": report.as_json()}})


if __name__ == "__main__":
    main()
