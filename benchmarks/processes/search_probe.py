"""Search alone in a process: time to open an index, of the first and of further queries, and peak memory.

    python -m benchmarks.processes.search_probe FOLDER [--exact] [--rounds 5] [--queries 500]

reads queries.npy, filters.npz (the matching rows of filters) and index.faiss with index.json (or flat.faiss) from
FOLDER, writes the found rows to found.npz, and prints its figures as one line of JSON.
"""

import argparse
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.release.manifest import IndexEntry
from lambda_app.release.row_set import RowSet
from lambda_app.search.faiss_index import VectorIndex

K = 10
UNFILTERED = "all"

Search = Callable[[npt.NDArray[np.float32], RowSet | None], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Figures:
    """The measurements of the process.

    Attributes:
        first: seconds to open the index and answer the first query, without imports.
        seconds: mean seconds per query in each round, by filter; UNFILTERED is the key without a filter.
        fewest: minimum number of results of a query, by filter.
        threads: processor time divided by wall time in the unfiltered rounds.
        peak: peak resident memory in bytes, including mapped pages of the index.
    """

    first: float
    seconds: dict[str, list[float]]
    fewest: dict[str, int]
    threads: float
    peak: int


def main() -> None:
    """Command line: measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.processes.search_probe", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--exact", action="store_true", help="search the flat index, as the baseline does")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=500, help="a round")
    args = parser.parse_args()
    print(json.dumps(asdict(measure(args.folder, args.exact, args.rounds, args.queries))))


def measure(folder: Path, exact: bool, rounds: int, count: int) -> Figures:
    """Open the index of a folder and search it on one thread."""
    faiss.omp_set_num_threads(1)
    queries = np.load(folder / "queries.npy")
    begin = time.perf_counter()
    search = _exact(folder / "flat.faiss") if exact else _ours(folder)
    search(queries[:1], None)
    first = time.perf_counter() - begin
    filters = {} if exact else _filters(folder / "filters.npz")
    seconds: dict[str, list[float]] = {}
    wall = processor = 0.0
    for name, allowed in {UNFILTERED: None, **filters}.items():
        seconds[name] = []
        for number in range(rounds):
            chosen = np.roll(queries, -number * count, axis=0)[:count]
            begin, began = time.perf_counter(), time.process_time()
            for query in chosen:
                search(query[np.newaxis], allowed)
            taken = time.perf_counter() - begin
            seconds[name].append(taken / len(chosen))
            if name == UNFILTERED:
                wall, processor = wall + taken, processor + time.process_time() - began
    peak = _peak()
    fewest = {}
    if not exact:
        found = {name: search(queries, allowed) for name, allowed in {UNFILTERED: None, **filters}.items()}
        fewest = {name: int((rows >= 0).sum(axis=1).min()) for name, rows in found.items()}
        np.savez(folder / "found.npz", **found)  # type: ignore[arg-type]  # the stubs mistake array names for the flag
    return Figures(first, seconds, fewest, processor / wall, peak)


def _peak() -> int:
    """Peak resident memory in bytes. Not from getrusage: its figure includes the peak of the parent process."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0])


def _ours(folder: Path) -> Search:
    entry = IndexEntry.model_validate_json((folder / "index.json").read_bytes())
    index = VectorIndex(folder / entry.file, entry, threads=1)
    return lambda queries, allowed: index.search(queries, K, allowed).rows


def _exact(path: Path) -> Search:
    index = faiss.read_index(str(path))

    def search(queries: npt.NDArray[np.float32], _: RowSet | None) -> npt.NDArray[np.int64]:
        rows: npt.NDArray[np.int64] = index.search(queries, K)[1]
        return rows

    return search


def _filters(path: Path) -> dict[str, RowSet]:
    """Read sets of rows from a file with a bit for each row."""
    with np.load(path) as file:
        return {name: RowSet(file[name], int(np.bitwise_count(file[name]).sum())) for name in file.files}


if __name__ == "__main__":
    main()
