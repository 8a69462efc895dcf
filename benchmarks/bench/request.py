"""Whole requests with a photo over HTTP, one client and one server thread, compared with the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.figures.table import Goal, Report, Row, exact, spread
from benchmarks.inputs.bench_release import VAR, BenchRelease, bench_release, put
from benchmarks.inputs.photos import PHONE, SMALL, photo
from benchmarks.processes import server
from benchmarks.processes.server import Answer, Client, Server, form
from benchmarks.processes.timings import PARTS
from lambda_app.store.folder import FolderStore
from training.pipeline.progress import track

ROUNDS, REQUESTS = 9, 8
QUICK_ROUNDS, QUICK_REQUESTS = 3, 4
WARM_UP = 3
ONE_THREAD = 1.1  # limit of processor time divided by wall time


@dataclass(frozen=True)
class Block:
    """A few requests of one kind to one server, in sequence.

    Attributes:
        busy: processor time of the server divided by wall time.
    """

    answers: Sequence[Answer]
    busy: float

    @property
    def rate(self) -> float:
        """Photos per second."""
        return len(self.answers) / sum(answer.seconds for answer in self.answers)

    def part(self, name: str) -> float:
        """Median time of a part, in milliseconds."""
        return median(answer.timings[name] for answer in self.answers)

    def rest(self) -> float:
        """Median time outside all parts, in milliseconds."""
        return median(1000 * answer.seconds - sum(answer.timings[name] for name in PARTS) for answer in self.answers)


def run(quick: bool) -> Report:
    """Run both servers and send requests in turn, so that other work on the machine affects both."""
    release = bench_release()
    rounds, requests = (QUICK_ROUNDS, QUICK_REQUESTS) if quick else (ROUNDS, REQUESTS)
    rows, notes = [], []
    with (
        TemporaryDirectory() as scratch,
        server.ours(fill(Path(scratch), release)) as ours,
        server.baseline(release) as theirs,
    ):
        for name, size, goal in (("12-megapixel", PHONE, 4.5), ("0.5-megapixel", SMALL, 2.5)):
            data = photo(VAR / "photos", size)
            blocks = _measure((ours.wait(), theirs.wait()), form(data), rounds, requests, name)
            rows += _rows(name, goal, *blocks)
            notes.append(f"{name}: {size[0]} x {size[1]}, 4:2:0, {len(data) / 1e6:.2f} MB")
    return Report(rows, [*notes, "both use uvicorn; the parts are medians from our Server-Timing header"])


def fill(folder: Path, release: BenchRelease) -> str:
    """Make a store in this folder with this live release; its path."""
    store = FolderStore(folder)
    store.write_pointer(put(store, release.folder, release.manifest), None)
    return str(folder)


def _measure(
    servers: tuple[Server, Server], body: bytes, rounds: int, requests: int, name: str
) -> tuple[list[Block], list[Block]]:
    blocks: tuple[list[Block], list[Block]] = ([], [])
    for target in servers:
        ask(target, body, WARM_UP)
    for _ in track(range(rounds), rounds, f"request, {name}", "round"):
        for side, target in zip(blocks, servers, strict=True):
            side.append(ask(target, body, requests))
    return blocks


def ask(target: Server, body: bytes, requests: int) -> Block:
    """A few requests, one after the other.

    Raises:
        RuntimeError: an answer is not 200.
    """
    client = Client(target.port)
    before = target.processor_seconds()
    answers = [client.send(body) for _ in range(requests)]
    after = target.processor_seconds()
    client.close()
    if failed := [answer.status for answer in answers if answer.status != 200]:
        raise RuntimeError(f"a server answered {failed[0]} instead of 200")
    return Block(answers, (after - before) / sum(answer.seconds for answer in answers))


def _rows(name: str, goal: float, ours: list[Block], theirs: list[Block]) -> list[Row]:
    return [
        Row(
            f"{name} JPEG, photos a second",
            spread(block.rate for block in ours),
            spread(block.rate for block in theirs),
            Goal("at least", goal, of="ratio"),
        ),
        Row(
            "  whole request, ms",
            spread(1000 / block.rate for block in ours),
            spread(1000 / block.rate for block in theirs),
        ),
        *(Row(f"    {part}, ms", spread(block.part(part) for block in ours)) for part in PARTS),
        Row(
            "    HTTP, multipart, validation, JSON, ms",
            spread(block.rest() for block in ours),
            goal=Goal("at most", 3.0),
        ),
        Row(
            "  processor time over wall time",
            exact(median(block.busy for block in ours)),
            exact(median(block.busy for block in theirs)),
            Goal("at most", ONE_THREAD),
        ),
    ]
