"""Long mixed traffic to one server: every answer as expected, and memory, file descriptors and threads level."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.figures.table import Goal, Report, Row, Spread, exact
from benchmarks.inputs.bench_release import VAR
from benchmarks.processes import server
from benchmarks.processes.server import Server
from lambda_app.promotion.promotion import go_live
from lambda_app.store.folder import FolderStore
from reliability.soak.load.numbered import Maker
from reliability.soak.load.resources import Sample, Sampler, held, slope
from reliability.soak.load.visits import Visit, send, visits
from tests.releases import DATASET

CLIENTS = 4
MOST_MB_AN_HOUR, MOST_AN_HOUR = 10.0, 2.0
MOST_LEFT_OPEN = 2
_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.1  # on average, between an answer and the client's next request: the server stays below its limit
_DEADLINES = {"LOOKALIKE_HEADER_SECONDS": "1", "LOOKALIKE_BODY_SECONDS": "1.5", "LOOKALIKE_RELOAD_SECONDS": "0.5"}
_MB = 1e6


@dataclass(frozen=True)
class Pace:
    """Seconds: of the traffic, between two releases, between two samples."""

    seconds: float
    swap: float
    sample: float


FULL, QUICK = Pace(1800, 180, 1), Pace(8, 2.5, 0.1)


@dataclass
class Traffic:
    """What the clients saw: the time of every answer, and every answer that was not the expected one."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


async def client(kinds: Sequence[Visit], port: int, end: float, seed: int, traffic: Traffic) -> None:
    """One client: each kind once in random order, then at random by how often it comes, until the time is over."""
    source = random.Random(seed)
    todo = source.sample(list(kinds), len(kinds)) if seed == 0 else []
    while todo or time.monotonic() < end:
        visit = todo.pop() if todo else source.choices(kinds, [kind.often for kind in kinds])[0]
        begun = time.monotonic()
        try:
            status = await send(visit, port, _PATIENCE_SECONDS)
        except (OSError, TimeoutError, EOFError) as exc:
            traffic.unexpected.append(f"{visit.name}: {exc!r}")
            continue
        traffic.seconds[visit.name].append(time.monotonic() - begun)
        traffic.statuses[status] += 1
        if status != visit.expected:
            traffic.unexpected.append(f"{visit.name}: {status}, expected {visit.expected}")
        await asyncio.sleep(source.expovariate(1 / _PAUSE_SECONDS))


async def swap(release: Callable[[int], None], every: float, end: float) -> int:
    """Make a new release live every so often; returns how many."""
    number = 0
    while time.monotonic() + every < end:
        await asyncio.sleep(every)
        number += 1
        await asyncio.to_thread(release, number)
    return number


async def run_traffic(
    kinds: Sequence[Visit], target: Server, pace: Pace, release: Callable[[int], None], traffic: Traffic
) -> tuple[int, list[Sample]]:
    """All clients at once while releases change; the number of releases that followed the first, and the samples."""
    end = time.monotonic() + pace.seconds
    with Sampler(target.pid, pace.sample) as sampler:
        swapping = asyncio.create_task(swap(release, pace.swap, end))
        await asyncio.gather(*(client(kinds, target.port, end, seed, traffic) for seed in range(CLIENTS)))
        swaps = await swapping
    return swaps, sampler.samples


def run(quick: bool) -> Report:
    """Send mixed traffic to one server with a folder store."""
    pace, traffic = QUICK if quick else FULL, Traffic()
    with TemporaryDirectory() as scratch:
        store = FolderStore(Path(scratch) / "store")
        maker = Maker(Path(scratch) / "made", datetime.now(UTC).replace(microsecond=0) - timedelta(days=1))
        for image_id, photo in maker.photos.items():
            store.write(f"{DATASET}photos/{image_id}.jpg", photo)

        def release(number: int) -> None:
            archive, made = maker.make(number)
            archive.unlink()
            go_live(store, maker.folder, made.manifest)

        release(0)
        kinds = visits(VAR / "photos", list(maker.photos), maker.photos, large=not quick)
        with server.ours(str(store), **_DEADLINES) as target:
            target.wait()
            asyncio.run(warm_up(kinds, target.port))
            before = settled(target.pid)
            swaps, samples = asyncio.run(run_traffic(kinds, target, pace, release, traffic))
            after = settled(target.pid, before.descriptors + MOST_LEFT_OPEN)
    return Report(_rows(traffic, kinds, swaps, samples, before, after), _notes(pace, traffic))


async def warm_up(kinds: Sequence[Visit], port: int) -> None:
    """Two requests of each kind that is answered: threads start, files open, libraries take their memory."""
    answered = [kind for kind in kinds if kind.expected == 200] * 2
    await asyncio.gather(*(send(kind, port, _PATIENCE_SECONDS) for kind in answered))


def settled(pid: int, descriptors: int = 0, seconds: float = 10.0) -> Sample:
    """What a process holds when its connections are closed: as soon as it has at most so many file descriptors."""
    end = time.monotonic() + (seconds if descriptors else 1.0)
    while (now := held(pid)).descriptors > descriptors and time.monotonic() < end:
        time.sleep(0.05)
    return now


def _rows(
    traffic: Traffic, kinds: Sequence[Visit], swaps: int, samples: Sequence[Sample], before: Sample, after: Sample
) -> list[Row]:
    second_half = samples[len(samples) // 2 :]
    moments = [sample.seconds for sample in second_half]
    held_by: dict[str, tuple[list[float], float]] = {
        "memory, MB": ([sample.resident / _MB for sample in second_half], MOST_MB_AN_HOUR),
        "open file descriptors": ([sample.descriptors for sample in second_half], MOST_AN_HOUR),
        "threads": ([sample.threads for sample in second_half], MOST_AN_HOUR),
    }
    rows = [
        Row("requests", exact(sum(map(len, traffic.seconds.values())))),
        Row("  kinds of them that were sent", exact(len(traffic.seconds)), goal=Goal("at least", len(kinds))),
        Row("  with another answer than expected", exact(len(traffic.unexpected)), goal=Goal("at most", 0)),
        Row("releases that went live meanwhile", exact(swaps), goal=Goal("at least", 1)),
        *(
            Row(f"p99 of {kind.name}, ms", exact(1000 * float(np.percentile(traffic.seconds[kind.name], 99))))
            for kind in kinds
            if kind.often > 2
        ),
        Row(
            "file descriptors after the traffic beyond before",
            exact(max(0, after.descriptors - before.descriptors)),
            goal=Goal("at most", MOST_LEFT_OPEN),
        ),
    ]
    for name, (values, most) in held_by.items():
        grown = slope(moments, values)
        level = Spread(float(np.median(values)), min(values), max(values), len(values))
        beyond = 0.0 if grown.nothing else grown.value
        rows += [
            Row(f"{name}, in the second half", level),
            Row("  growth an hour (95 % interval)", Spread(grown.value, grown.low, grown.high, len(values))),
            Row("  growth an hour, if zero lies outside the interval", exact(beyond), goal=Goal("at most", most)),
        ]
    return rows


def _notes(pace: Pace, traffic: Traffic) -> list[str]:
    statuses = ", ".join(f"{status or 'none'}: {count:,}" for status, count in sorted(traffic.statuses.items()))
    return [
        f"{pace.seconds / 60:.3g} minutes, {CLIENTS} clients, {1 / pace.sample:.0f} samples a second; "
        "memory without mapped files",
        f"statuses: {statuses}",
        *traffic.unexpected[:5],
    ]
