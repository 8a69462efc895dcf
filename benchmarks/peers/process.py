"""One engine in a process of its own, so that memory, threads and libraries of the others do not matter.

    python -m benchmarks.peers.process build|tune|measure ENGINE FOLDER

FOLDER has what `benchmarks.peers.inputs` writes, and gets a folder for each engine. The result is one line of JSON.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.engines import ENGINES, Engine
from benchmarks.peers.inputs import Inputs
from benchmarks.peers.search import Floats, K, Opened, Rows, Setting
from lambda_app.release.row_set import RowSet

_FILTERED = 200  # queries with a filter: some engines take 50 ms for one


@dataclass(frozen=True)
class Built:
    """What building took: seconds of wall time and of processors, and bytes of the files."""

    seconds: float
    processor: float
    bytes: int


@dataclass(frozen=True)
class Tried:
    """A setting, its recall and the median milliseconds of a query."""

    setting: Setting
    recall: float
    median: float


@dataclass(frozen=True)
class Measured:
    """Milliseconds and recall of queries; `first` is opening and the first query. None without a filter."""

    first: float
    median: float
    slowest: float
    recall: float
    filtered: float | None
    filtered_recall: float | None


def build(engine: Engine, inputs: Inputs, folder: Path) -> Built:
    """Build the index and count its files."""
    vectors = inputs.vectors()
    begin, began = time.perf_counter(), time.process_time()
    engine.build(vectors, folder)
    taken, processor = time.perf_counter() - begin, time.process_time() - began
    return Built(taken, processor, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def tune(engine: Engine, inputs: Inputs, folder: Path, recall: float) -> list[Tried]:
    """Try settings with the queries for tuning; each ladder ends with its first setting that reaches the recall."""
    opened = engine.open(folder)
    tried: list[Tried] = []
    for ladder in engine.ladders:
        for setting in ladder:
            found, seconds = _searched(opened, inputs.tuning, setting, None)
            tried.append(Tried(setting, inputs.recall(found, "tuning"), 1000 * float(np.median(seconds))))
            if tried[-1].recall >= recall:
                break
    return tried


def chosen(tried: Sequence[Tried], recall: float) -> Tried:
    """The fastest setting that reaches the recall; if none does, the one with the highest recall."""
    enough = [one for one in tried if one.recall >= recall]
    return min(enough, key=lambda one: one.median) if enough else max(tried, key=lambda one: one.recall)


def measure(engine: Engine, inputs: Inputs, folder: Path, setting: Setting) -> Measured:
    """Search with the reported queries, which tuning has not seen."""
    begin = time.perf_counter()
    opened = engine.open(folder)
    opened.search(inputs.reported[0], setting, None)
    first = time.perf_counter() - begin
    found, seconds = _searched(opened, inputs.reported, setting, None)
    filtered = filtered_recall = None
    if engine.filters:
        queries = inputs.reported[:_FILTERED]
        opened.search(queries[0], setting, inputs.allowed)  # what is prepared once for a filter
        rows, times = _searched(opened, queries, setting, inputs.allowed)
        filtered, filtered_recall = 1000 * float(np.median(times)), inputs.recall(rows, "filtered")
    median, slowest = 1000 * np.percentile(seconds, [50, 99])
    recall = inputs.recall(found, "reported")
    return Measured(1000 * first, float(median), float(slowest), recall, filtered, filtered_recall)


def _searched(
    opened: Opened, queries: Floats, setting: Setting, allowed: RowSet | None
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """The rows found, (q, K), and the seconds of each query."""
    rows = np.full((len(queries), K), -1, np.int64)
    seconds = np.empty(len(queries))
    for number, query in enumerate(queries):
        begin = time.perf_counter()
        found = opened.search(query, setting, allowed)
        seconds[number] = time.perf_counter() - begin
        rows[number, : len(found)] = found
    return rows, seconds


def main() -> None:
    """Command line: do one step and print its result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.process")
    parser.add_argument("step", choices=["build", "tune", "measure"])
    parser.add_argument("engine", choices=list(ENGINES), metavar="ENGINE")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recall", type=float, default=1.0, help="tune: the recall to reach")
    parser.add_argument("--setting", type=int, nargs="*", default=(), help="measure: the setting")
    args = parser.parse_args()
    engine, inputs = ENGINES[args.engine], Inputs(args.folder)
    own = args.folder / "".join(letter for letter in args.engine if letter.isalnum())
    own.mkdir(exist_ok=True)
    result: Any
    if args.step == "build":
        result = asdict(build(engine, inputs, own))
    elif args.step == "tune":
        result = [asdict(one) for one in tune(engine, inputs, own, args.recall)]
    else:
        result = asdict(measure(engine, inputs, own, tuple(args.setting)))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
