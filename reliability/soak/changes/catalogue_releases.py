"""The check `changes`: releases of the catalogue go live under constant requests; memory and disk stay level.

Each release adds items, removes those that the one before added, and changes the price of one item.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.changes.base import large_release
from benchmarks.changes.places import Ingester
from benchmarks.figures.table import Goal, Report, Row, exact
from benchmarks.inputs.bench_release import VAR, BenchRelease, bench_release
from benchmarks.inputs.photos import SMALL, make_photo
from benchmarks.processes.lambda_function import BUCKET, CREDENTIALS, s3_with
from benchmarks.processes.server import Server
from lambda_app.catalogue.changes import Change, Item, NewValues, Remove, Update, Upsert, write_change
from lambda_app.promotion.promotion import rollback
from lambda_app.release.catalog import Catalog
from lambda_app.settings import Settings
from lambda_app.store.blocked import block
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import DROPS
from reliability.soak.changes.asking import Asked, Moment, Wanted, Window, ask, wait_for
from reliability.soak.changes.holding import Held, held_by
from reliability.soak.load.cores import pinned, two_cores
from tests.releases import build_release
from training.pipeline.progress import track

if TYPE_CHECKING:
    from obstore.store import S3Config

CLIENTS = 2
RELOAD_SECONDS = 0.5
LIVE_SECONDS = 30.0
_ADDED = 3  # items of each release
_PREFIX = "new-"  # of their ids
_NEW = "datasets/soak/new.jpg"
_MOST_GROWTH = 1.05
_LAST_SECONDS = _LOOK_SECONDS = 0.2
_MB = 1e6


@dataclass(frozen=True)
class Pace:
    """Rounds of requests without a release and then with some, so that both meet the same load of the machine.

    Attributes:
        quiet: seconds without a release in each round.
        releases: number of releases of each round; `between`: seconds between two.
    """

    rounds: int = 10
    releases: int = 5
    quiet: float = 6.0
    between: float = 1.0


_QUICK = Pace(rounds=2, releases=2, quiet=0.5, between=0.1)


class Course:
    """Makes releases of the catalogue live while clients ask."""

    def __init__(self, release: BenchRelease, store: S3Store, ingester: Ingester, target: Server, disk: Path) -> None:
        """Begin with the release that is live; `disk`: the folder for temporary files of the server."""
        self.asked = Asked()
        with closing(Catalog(release.folder / release.manifest.catalog.file)) as catalog:
            (self.item,) = catalog.items([0])
        self.prices: dict[str, float | None] = {release.manifest.release: self.item.price}
        self.levels: list[Held] = []
        self.quiet: list[Window] = []
        self.busy: list[Window] = []
        self.not_live: list[str] = []
        self.block_seconds: float | None = None
        self.shown_after_rollback = -1
        self._store, self._ingester, self._target, self._disk = store, ingester, target, disk
        self.count = release.manifest.count
        self._category = release.manifest.categories[0]
        self._photo = make_photo(SMALL)

    async def run(self, pace: Pace) -> None:
        """Ask for a while, then release after release, then block an item and roll back."""
        clients = [
            asyncio.create_task(ask(self._target.port, self._photo, self.item.image_id, self.asked))
            for _ in range(CLIENTS)
        ]
        await self._release(0, LIVE_SECONDS)
        self._note()
        number = 0
        for _ in track(range(pace.rounds), pace.rounds, "changes", "round"):
            begin = self._moment()
            await asyncio.sleep(pace.quiet)
            middle = self._moment()
            for _ in range(pace.releases):
                number += 1
                await self._release(number, LIVE_SECONDS)
                await asyncio.sleep(pace.between)
            self.quiet.append(Window(begin, middle))
            self.busy.append(Window(middle, self._moment()))
        self._note()
        await self._block()
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _release(self, number: int, seconds: float) -> None:
        price = 10_000.0 + number
        key = f"{DROPS}release-{number}.jsonl"
        lines = "\n".join(map(write_change, self._changes(number, price))).encode()
        await asyncio.to_thread(self._store.write, key, lines)
        done = await asyncio.to_thread(self._ingester.apply, key)
        self.prices[done.release] = price
        if done.rejected or await self._wait("/readyz", Wanted(200, done.release), seconds) is None:
            self.not_live.append(f"{done.release}: {done.rejected} changes rejected")

    def _changes(self, number: int, price: float) -> Sequence[Change]:
        added = [f"{_PREFIX}{number}-{count}" for count in range(_ADDED)]
        removed = [f"{_PREFIX}{number - 1}-{count}" for count in range(_ADDED)] if number else []
        return [
            *(Upsert(item=self._new(name)) for name in added),
            *(Remove(image_id=name) for name in removed),
            Update(image_id=self.item.image_id, set=NewValues(price=price)),
        ]

    def _new(self, name: str) -> Item:
        return Item(image_id=name, product_id=name, category=self._category, title="A new listing", photo=_NEW)

    async def _block(self) -> None:
        """Block an item that answers show, and see it gone; roll back, and see that it stays away."""
        hidden = next(
            name for name in self.asked.nearest if name != self.item.image_id and not name.startswith(_PREFIX)
        )
        path = f"/items/{hidden}"
        await asyncio.to_thread(block, self._store, image_ids=[hidden])
        self.block_seconds = await self._wait(path, Wanted(404), LIVE_SECONDS)
        await asyncio.sleep(_LAST_SECONDS)  # answers that were on their way
        self.asked.hidden = hidden
        settings = Settings(store=str(self._store), threads=1)
        back = await asyncio.to_thread(rollback, self._store, settings)
        release = back.release
        self.prices[release] = self.prices[list(self.prices)[-2]]
        await self._wait("/readyz", Wanted(200, release), LIVE_SECONDS)
        found = await self._wait(path, Wanted(200), 2 * RELOAD_SECONDS)
        self.shown_after_rollback = int(found is not None) + self.asked.shown

    async def _wait(self, path: str, wanted: Wanted, seconds: float) -> float | None:
        return await wait_for(self._target.port, path, wanted, seconds)

    def _moment(self) -> Moment:
        return Moment(time.perf_counter(), self._target.processor_seconds())

    def _note(self) -> None:
        self.levels.append(held_by(self._target.pid, self._disk))


def run(quick: bool) -> Report:
    """Serve the release of the benchmarks; of the tests if quick."""
    pace = _QUICK if quick else Pace()
    with TemporaryDirectory() as name:
        scratch = Path(name)
        if quick:
            build_release(scratch / "release")
            release = BenchRelease(scratch / "release")
        else:
            release = large_release(bench_release(), 10_000, VAR / "changes-10000")
        cores, other = two_cores()
        with pinned(other), s3_with(release) as url:
            course = _course(release, url, scratch, cores, pace)
            sessions = (scratch / "sessions").read_text().splitlines()
    return Report(_rows(course, pace, len(sessions)), _notes(course))


def _course(release: BenchRelease, url: str, scratch: Path, cores: set[int], pace: Pace) -> Course:
    account: S3Config = {"endpoint": url, "access_key_id": "testing", "secret_access_key": "testing"}
    store = S3Store(BUCKET, cache=scratch / "operator", config=account)
    store.write(_NEW, make_photo(SMALL, seed=7))
    common = {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "LOOKALIKE_STORE": f"s3://{BUCKET}", "LOOKALIKE_THREADS": "1"}
    disks = [scratch / part for part in ("serving", "applying")]
    for disk in disks:
        disk.mkdir()
    serving: Mapping[str, str] = {**common, "TMPDIR": str(disks[0]), "LOOKALIKE_RELOAD_SECONDS": str(RELOAD_SECONDS)}
    command = ["-m", "reliability.soak.changes.counted_server", str(scratch / "sessions"), "--port", "{port}"]
    with pinned(cores):
        target = Server(command, serving)
    with target, closing(Ingester({**common, "TMPDIR": str(disks[1])})) as ingester:
        course = Course(release, store, ingester, target.wait(), disks[0])
        asyncio.run(course.run(pace))
    return course


def _rows(found: Course, pace: Pace, sessions: int) -> list[Row]:
    before, last = found.levels
    asked, none = found.asked, Goal("at most", 0)
    mixed = asked.mixed(found.prices)
    level = Goal("at most", _MOST_GROWTH, of="ratio")
    return [
        Row(
            "catalogue releases under requests",
            exact(len(found.prices) - 3),
            goal=Goal("at least", pace.rounds * pace.releases),
        ),
        Row("  that did not go live", exact(len(found.not_live)), goal=none),
        Row("answers", exact(asked.count), goal=Goal("at least", 10 * pace.rounds * pace.releases)),
        Row("  failed", exact(len(asked.failed)), goal=none),
        Row("  of two releases at once", exact(len(mixed)), goal=none),
        Row(
            "p99 of a photo beside that without releases, ms",
            exact(asked.p99(found.busy)),
            exact(asked.p99(found.quiet)),
            Goal("at most", 1.5, of="ratio"),
        ),
        Row("  photos they are of", exact(asked.photos(found.busy)), exact(asked.photos(found.quiet))),
        Row(
            "  the server's processor time for each photo, ms",
            exact(asked.processor_ms(found.busy)),
            exact(asked.processor_ms(found.quiet)),
        ),
        Row("ONNX sessions opened", exact(sessions), goal=Goal("at most", 1)),
        Row("memory after and before, MB", exact(last.memory / _MB), exact(before.memory / _MB), level),
        Row(
            "files in the server's cache after and before, MB", exact(last.disk / _MB), exact(before.disk / _MB), level
        ),
        Row("open file descriptors after and before", exact(last.descriptors), exact(before.descriptors)),
        Row("deleted files that are still held", exact(last.deleted), goal=none),
        Row(
            "block to the first answer without the item, s",
            exact(float("inf") if found.block_seconds is None else found.block_seconds),
            goal=Goal("at most", RELOAD_SECONDS + _LOOK_SECONDS),
        ),
        Row("  answers with it after that, and after a rollback", exact(found.shown_after_rollback), goal=none),
    ]


def _notes(found: Course) -> list[str]:
    return [
        f"{CLIENTS} clients without a pause; {found.count:,} items; each release adds {_ADDED}, removes {_ADDED} and "
        "changes a price; the server has a core; clients, bucket (moto's S3) and the process that applies have another",
        f"a reload interval is {RELOAD_SECONDS:g} s; memory without mapped files",
        *found.not_live[:3],
        *found.asked.failed[:3],
        *found.asked.mixed(found.prices)[:3],
    ]
