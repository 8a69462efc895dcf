"""What a server answers at four times the load that it can take, how fast it refuses the rest, when it recovers."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.bench.request import fill
from benchmarks.figures.table import Goal, Report, Row, Spread, exact, spread
from benchmarks.inputs.bench_release import ROOT, VAR, bench_release
from benchmarks.inputs.photos import SMALL, make_photo, photo
from benchmarks.processes import server
from benchmarks.processes.server import CONTENT_TYPE, SIMILAR, Server, form
from reliability.soak.load.arrivals import BUSY, PATIENCE_SECONDS, Plan, Sent
from reliability.soak.load.cores import pinned, two_cores
from reliability.soak.load.small_store import small_store

TIMES = 4
PROBES = ("/healthcheck", "/readyz")
_OK = 200
_FILLS = 1.0  # seconds at the start of the load that do not count, because the queue is still filling


@dataclass(frozen=True)
class Pace:
    """Numbers of clients that look for the peak, and seconds of: each of them, the load, one client after it."""

    rounds: int
    clients: Sequence[int]
    closed: float
    load: float
    after: float


FULL = Pace(3, (1, 2, 4, 8), 4.0, 15.0, 4.0)
QUICK = Pace(1, (2,), 0.5, 1.5, 0.5)
_QUICK_QUEUE = "2"  # so that it is full within the slice's short load


@dataclass(frozen=True)
class Burst:
    """The requests of one plan.

    Attributes:
        processor: seconds that the server computed.
    """

    plan: Plan
    sent: Sequence[Sent]
    processor: float

    def of(self, what: str) -> list[Sent]:
        """The requests of one kind: "load", "after", or the path of a probe."""
        return [sent for sent in self.sent if sent.what == what]

    @property
    def goodput(self) -> float:
        """Answers a second with status 200, by the moment when they arrived. The load's first second does not count."""
        begin = 0.0 if self.plan.clients else min(_FILLS, self.plan.seconds / 2)
        arrived = [sent.due + sent.seconds for sent in self.of("load") if sent.status == _OK]
        return sum(begin <= moment < self.plan.seconds for moment in arrived) / (self.plan.seconds - begin)

    @property
    def efficiency(self) -> float:
        """Photos answered in each second of processor time, refusals and probes included in the time."""
        return sum(sent.status == _OK for sent in [*self.of("load"), *self.of("after")]) / self.processor

    def recovered(self, usual: float) -> float | None:
        """Seconds from the load's end until one client gets an answer in at most twice the usual time, or None."""
        moments = (s.due + s.seconds for s in self.of("after") if s.status == _OK and s.seconds <= 2 * usual)
        first = min(moments, default=None)
        return None if first is None else first - self.plan.seconds


@dataclass(frozen=True)
class Round:
    """One search for the peak, and the load that follows it."""

    closed: Sequence[Burst]
    load: Burst

    @property
    def peak(self) -> Burst:
        """The burst with the highest goodput."""
        return max(self.closed, key=lambda burst: burst.goodput)


def run(quick: bool) -> Report:
    """Find the peak with few clients, then send four times as much, round by round."""
    with TemporaryDirectory() as scratch:
        body = Path(scratch) / "body"
        if quick:
            store, data = small_store(Path(scratch)), make_photo((200, 150))
        else:
            store, data = fill(Path(scratch) / "store", bench_release()), photo(VAR / "photos", SMALL)
        body.write_bytes(form(data))
        own, clients = two_cores()
        with pinned(own):
            target = server.ours(store, **({"LOOKALIKE_QUEUED_REQUESTS": _QUICK_QUEUE} if quick else {}))
        with target:
            usual, rounds = measure(target.wait(), body, clients, QUICK if quick else FULL)
    place = "each on one core of its own" if own != clients else "on the same core, so that the clients slow the server"
    return Report(rows(usual, rounds), [f"server and clients run {place}; {len(data):,}-byte photos"])


def measure(target: Server, body: Path, cores: set[int], pace: Pace) -> tuple[float, list[Round]]:
    """The usual time of an answer for a single client, and the rounds."""

    def send(seconds: float, clients: int = 0, rate: float = 0.0) -> Burst:
        probes, after = ((), 0.0) if clients else (PROBES, pace.after)
        plan = Plan(target.port, SIMILAR, CONTENT_TYPE, str(body), seconds, clients, rate, probes, after)
        before = target.processor_seconds()
        return Burst(plan, sent(plan, cores), target.processor_seconds() - before)

    send(pace.closed, clients=1)  # loads the release
    usual = median(answer.seconds for answer in send(pace.closed, clients=1).sent)
    rounds = []
    for _ in range(pace.rounds):
        closed = [send(pace.closed, clients) for clients in pace.clients]
        rounds.append(Round(closed, send(pace.load, rate=TIMES * max(burst.goodput for burst in closed))))
    return usual, rounds


def sent(plan: Plan, cores: set[int]) -> list[Sent]:
    """Run a plan in a process of its own, on these cores."""
    with pinned(cores):
        done = subprocess.run(
            [sys.executable, "-m", "reliability.soak.load.arrivals"],
            input=json.dumps(asdict(plan)).encode(),
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            check=True,
        )
    return [Sent(**fields) for fields in json.loads(done.stdout)]


def rows(usual: float, rounds: Sequence[Round]) -> list[Row]:
    """What the requests show."""
    loads, peaks = [each.load for each in rounds], [each.peak for each in rounds]
    refused = [sent for load in loads for sent in load.of("load") if sent.status == BUSY]
    answered = [sent for load in loads for sent in load.of("load") if sent.status == _OK]
    others = [s for each in rounds for b in (*each.closed, each.load) for s in b.sent if s.status not in (_OK, BUSY)]
    probes = {path: [sent for load in loads for sent in load.of(path)] for path in PROBES}
    # If the client's last request was still slow, the time is longer than the check waits for any answer.
    recoveries = [PATIENCE_SECONDS if (r := load.recovered(usual)) is None else r for load in loads]
    return [
        Row("peak goodput, photos a second", spread(peak.goodput for peak in peaks)),
        Row("  clients at once at the peak", spread(peak.plan.clients for peak in peaks)),
        Row(
            f"goodput at {TIMES} times the peak's rate, beside the peak",
            spread(load.goodput for load in loads),
            spread(peak.goodput for peak in peaks),
            Goal("at least", 0.9, of="ratio"),
        ),
        Row(
            "  photos in a second of the server's processor time",
            spread(load.efficiency for load in loads),
            spread(peak.efficiency for peak in peaks),
        ),
        Row("  p99 of an answer, ms", _milliseconds(answered, 99)),
        Row("requests refused with 503", exact(len(refused)), goal=Goal("at least", 1)),
        Row("  median of a refusal, ms", _milliseconds(refused, 50)),
        Row("  p99 of a refusal, ms", _milliseconds(refused, 99), goal=Goal("at most", 50)),
        Row("  without Retry-After", exact(sum(not s.retry_after for s in refused)), goal=Goal("at most", 0)),
        Row("requests with another answer or with none", exact(len(others)), goal=Goal("at most", 0)),
        *(Row(f"p99 of {path} under the load, ms", _milliseconds(found, 99)) for path, found in probes.items()),
        Row(
            "  probes not answered 200",
            exact(sum(sent.status != _OK for found in probes.values() for sent in found)),
            goal=Goal("at most", 0),
        ),
        Row("from the end of the load to the usual speed, s", spread(recoveries), goal=Goal("at most", 2)),
    ]


def _milliseconds(found: Sequence[Sent], percentile: float) -> Spread:
    values = [1000 * sent.seconds for sent in found]
    # Without any, another row misses its goal.
    return exact(float(np.percentile(values, percentile)) if values else 0.0)
