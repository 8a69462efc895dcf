"""The effect of a new live release on clients: failed requests and added latency."""

import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from benchmarks.bench.load import Burst, ask
from benchmarks.bench.request import fill
from benchmarks.figures.table import Goal, Report, Row, exact, spread
from benchmarks.inputs.bench_release import VAR, BenchRelease, bench_release, put, write_manifest
from benchmarks.inputs.photos import SMALL, photo
from benchmarks.inputs.synthetic import SyntheticCatalogue
from benchmarks.processes import server
from benchmarks.processes.server import Answer, Server, form
from lambda_app.release.manifest import Manifest
from lambda_app.search.building.choice import build_index
from lambda_app.store.folder import FolderStore
from training.pipeline.progress import track

SWAPS, QUICK_SWAPS = 8, 2
CLIENTS = 2
# Seconds of requests: before the pointer moves, and in total.
BEFORE, SECONDS = 3.0, 8.0
_RELOAD_SECONDS = "0.1"


@dataclass(frozen=True)
class Swap:
    """The answers around one move of the pointer.

    Attributes:
        moved: when the pointer moved, on the clock of `Answer.begun`.
        release: the new live release.
    """

    burst: Burst
    moved: float
    release: str

    @property
    def live(self) -> float:
        """When the first answer of the new release arrived.

        Raises:
            RuntimeError: the new release gave no answer.
        """
        arrived = [answer.begun + answer.seconds for answer in self.burst.answers if answer.release == self.release]
        if not arrived:
            raise RuntimeError(f"release {self.release} did not go live while clients sent requests")
        return min(arrived)

    def during(self) -> list[Answer]:
        """The answers of requests that were open between the move and the new release's first answer."""
        return [a for a in self.burst.answers if a.begun < self.live and a.begun + a.seconds > self.moved]

    def usual(self) -> list[Answer]:
        """The answers before the move."""
        return [a for a in self.burst.answers if a.begun + a.seconds <= self.moved]


def run(quick: bool) -> Report:
    """Move the pointer from one release to another and back while clients send requests."""
    release, body = bench_release(), form(photo(VAR / "photos", SMALL))
    count = QUICK_SWAPS if quick else SWAPS
    with TemporaryDirectory() as scratch:
        other = make_other(release, Path(scratch) / "other")
        store = FolderStore(Path(fill(Path(scratch) / "store", release)))
        folders = ((Path(scratch) / "other", other), (release.folder, release.manifest))
        with server.ours(str(store), LOOKALIKE_RELOAD_SECONDS=_RELOAD_SECONDS) as target:
            ask(target.wait(), body, clients=1, seconds=1.0)
            swaps = [
                swap(target, body, store, *folders[number % 2])
                for number in track(range(count), count, "reload", "swap")
            ]
    return Report(
        _rows(swaps), [f"{CLIENTS} clients, 0.5-megapixel JPEGs; model and index differ; the store is a folder"]
    )


def make_other(release: BenchRelease, folder: Path) -> Manifest:
    """A release of the same size with a different model and index."""
    shutil.copytree(release.folder, folder, ignore=shutil.ignore_patterns("baseline", "float32.onnx"))
    manifest = release.manifest
    network = onnx.load(folder / manifest.model.file)
    network.metadata_props.add(key="release", value="the other")
    onnx.save(network, folder / manifest.model.file)
    vectors = np.concatenate(list(SyntheticCatalogue(manifest.index.count, seed=1).blocks()))
    index = build_index(vectors, manifest.index.type, folder / manifest.index.file, seed=0)
    return write_manifest(folder, manifest.model_copy(update={"index": index}))


def swap(
    target: Server,
    body: bytes,
    store: FolderStore,
    folder: Path,
    manifest: Manifest,
    *,
    before: float = BEFORE,
    seconds: float = SECONDS,
) -> Swap:
    """Send requests for that many seconds, and make this release live `before` seconds after the first."""
    pointer = put(store, folder, manifest)
    found = store.read_pointer()
    version = found.version if found else None
    moved = 0.0

    def move() -> None:
        nonlocal moved
        time.sleep(before)
        moved = time.perf_counter()
        store.write_pointer(pointer, version)

    mover = threading.Thread(target=move)
    mover.start()
    burst = ask(target, body, CLIENTS, seconds)
    mover.join()
    return Swap(burst, moved, manifest.release)


def _rows(swaps: Sequence[Swap]) -> list[Row]:
    during = [answer.seconds for each in swaps for answer in each.during()]
    usual = [answer.seconds for each in swaps for answer in each.usual()]
    p99_during, p99_usual = (exact(1000 * float(np.percentile(values, 99))) for values in (during, usual))
    return [
        Row("requests answered", exact(sum(len(each.burst.answers) for each in swaps))),
        Row("failed requests", exact(sum(each.burst.failed for each in swaps)), goal=Goal("at most", 0)),
        Row("p99 during a swap beside the usual, ms", p99_during, p99_usual, Goal("at most", 2, of="ratio")),
        Row("  requests they are of", exact(len(during)), exact(len(usual))),
        Row("pointer moved to first answer of the new release, s", spread(each.live - each.moved for each in swaps)),
    ]
