"""Photos per second and latency by number of clients, compared with the baseline; one process on each side."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.bench.request import fill
from benchmarks.figures.plots import plot_sweep
from benchmarks.figures.table import Goal, Report, Row, Spread, exact, spread
from benchmarks.inputs.bench_release import VAR, bench_release
from benchmarks.inputs.photos import SMALL, photo
from benchmarks.processes import server
from benchmarks.processes.server import Answer, Client, Server, form
from training.pipeline.progress import track

CLIENTS = (1, 2, 4, 8, 16)
ROUNDS, SECONDS = 3, 4.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 2.0
_FIRST, _SECOND = "this project", "baseline"


@dataclass(frozen=True)
class Burst:
    """The result of several clients at once; each sends its next request as soon as it has an answer.

    Attributes:
        answers: every answer, with any status.
        seconds: from the first request to the last answer.
        cores: processor time of the server divided by `seconds`.
    """

    answers: Sequence[Answer]
    seconds: float
    cores: float

    @property
    def failed(self) -> int:
        """Number of answers that are not 200."""
        return sum(answer.status != 200 for answer in self.answers)

    @property
    def rate(self) -> float:
        """Photos per second."""
        return len(self.answers) / self.seconds

    def latency(self, percentile: float) -> float:
        """A percentile of the latency, in milliseconds."""
        return float(np.percentile([1000 * answer.seconds for answer in self.answers], percentile))


def run(quick: bool) -> Report:
    """Measure both sides in turn, with the same numbers of clients."""
    release, body = bench_release(), form(photo(VAR / "photos", SMALL))
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    bursts: dict[tuple[str, int], list[Burst]] = {}
    with (
        TemporaryDirectory() as scratch,
        server.ours(fill(Path(scratch), release)) as ours,
        server.baseline(release) as theirs,
    ):
        sides = {_FIRST: ours.wait(), _SECOND: theirs.wait()}
        for target in sides.values():
            ask(target, body, clients=1, seconds=0.5)
        steps = [(clients, name) for _ in range(rounds) for clients in CLIENTS for name in sides]
        for clients, name in track(steps, len(steps), "load", "burst"):
            bursts.setdefault((name, clients), []).append(ask(sides[name], body, clients, seconds))
    return Report(_rows(bursts), [f"0.5-megapixel JPEGs, {seconds:.0f} s per burst"], [_plot(bursts)])


def ask(target: Server, body: bytes, clients: int, seconds: float) -> Burst:
    """Send requests from some clients for that many seconds."""
    answers: list[list[Answer]] = [[] for _ in range(clients)]
    begin, before = time.perf_counter(), target.processor_seconds()

    def work(own: list[Answer]) -> None:
        client = Client(target.port)
        while time.perf_counter() - begin < seconds:
            own.append(client.send(body))
        client.close()

    threads = [threading.Thread(target=work, args=(own,)) for own in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - begin
    return Burst([answer for own in answers for answer in own], taken, (target.processor_seconds() - before) / taken)


def _rows(bursts: dict[tuple[str, int], list[Burst]]) -> list[Row]:
    rows = []
    for clients in CLIENTS:
        ours, theirs = bursts[_FIRST, clients], bursts[_SECOND, clients]
        rows.append(
            Row(
                f"{clients} at once: photos a second",
                spread(burst.rate for burst in ours),
                spread(burst.rate for burst in theirs),
            )
        )
        for percentile in (50, 99):
            rows.append(Row(f"  p{percentile}, ms", _latencies(ours, percentile), _latencies(theirs, percentile)))
        busy, busy_theirs = (spread(burst.cores for burst in side) for side in (ours, theirs))
        rows.append(Row("  cores that the server kept busy", busy, busy_theirs))
    failed = sum(burst.failed for (name, _), found in bursts.items() if name == _FIRST for burst in found)
    return [*rows, Row("failed requests", exact(failed), goal=Goal("at most", 0))]


def _latencies(bursts: Sequence[Burst], percentile: float) -> Spread:
    return spread(burst.latency(percentile) for burst in bursts)


def _plot(bursts: dict[tuple[str, int], list[Burst]]) -> Path:
    rates = {
        name: [spread(burst.rate for burst in bursts[name, clients]).median for clients in CLIENTS]
        for name in (_FIRST, _SECOND)
    }
    return plot_sweep(CLIENTS, rates, VAR / "load.png", x_label="clients at once", y_label="photos a second")
