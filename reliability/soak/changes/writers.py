"""The check `writers`: writers and appliers of changes are killed at random moments; every change counts once."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from benchmarks.figures.table import Goal, Report, Row, exact
from lambda_app.promotion.ingest import apply_changes
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from reliability.soak.changes.audit import Findings, audit
from reliability.soak.changes.forking import Fork, Forker
from reliability.soak.changes.plan import PRODUCTS
from reliability.soak.changes.writer import Lane
from reliability.soak.kills.victim import make_old, scratch_left
from tests.lambda_events import BUCKET
from tests.releases import build_release, publish_directly
from tests.s3_server import S3Server

_PREFIX = "writers"
_SHORTEST_SECONDS = 0.01  # that a process lives before it is killed
_END_SECONDS = 300.0


@dataclass(frozen=True)
class Size:
    """How much is written and killed in each store."""

    writers: int = 8
    changes: int = 25
    kills: int = 6
    appliers: int = 2
    longest: float = 0.8  # seconds that a process lives before it is killed


_QUICK = Size(writers=3, changes=9, kills=3, appliers=1, longest=0.15)


@dataclass
class Lanes:
    """Runs the processes in one store, and counts those that were killed before their end."""

    lanes: Sequence[Lane]
    appliers: Sequence[Lane]
    kills: int
    longest: float
    killed: int = 0
    scratch: int = 0
    lock: Any = field(default_factory=Lock)

    def run(self, forker: Forker) -> None:
        """Kill each writer so many times, then let it end; kill the appliers meanwhile."""
        with ThreadPoolExecutor(len(self.lanes) + len(self.appliers)) as pool:
            applying = [pool.submit(self._killed, forker, "apply", lane) for lane in self.appliers]
            list(pool.map(lambda lane: self._ended(forker, lane), self.lanes))
            for done in applying:
                done.result()
        for lane in [*self.lanes, *self.appliers]:
            make_old(lane.temporary)
            _end(forker.fork("tidy", lane))
            self.scratch += scratch_left(lane.temporary)

    @property
    def noted(self) -> int:
        """How many batches the writers noted."""
        return sum(lane.done() for lane in self.lanes)

    def _ended(self, forker: Forker, lane: Lane) -> None:
        self._killed(forker, "write", lane)
        _end(forker.fork("write", lane))

    def _killed(self, forker: Forker, work: str, lane: Lane) -> None:
        moments = random.Random(lane.number)
        for _ in range(self.kills):
            process = forker.fork(work, lane)
            ended = process.ended(moments.uniform(_SHORTEST_SECONDS, self.longest))
            process.kill()
            with self.lock:
                self.killed += not ended


def _end(process: Fork) -> None:
    process.ended(_END_SECONDS)
    process.kill()


def run(quick: bool) -> Report:
    """Write into a folder, then into a bucket."""
    size = _QUICK if quick else Size()
    with TemporaryDirectory() as name, closing(S3Server(one_at_a_time=True)) as s3:
        scratch = Path(name)
        account = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}
        environ = {**account, "AWS_ENDPOINT_URL": s3.url, "AWS_EC2_METADATA_DISABLED": "true"}
        in_folder, in_bucket = FolderStore(scratch / "store"), s3.store(_PREFIX, scratch / "cache")
        with Forker({}) as forker:
            folder = _writers(in_folder, str(in_folder), scratch / "folder", size, forker)
        with Forker(environ) as forker:
            bucket = _writers(in_bucket, f"s3://{BUCKET}/{_PREFIX}", scratch / "bucket", size, forker)
        rows = [*_rows("folder", *folder, size), *_rows("bucket", *bucket, size)]
    problems = [*folder[1].problems, *bucket[1].problems]
    notes = [
        f"half of the {size.writers} writers drop files, as often as it takes; the others run scripts/catalogue; "
        f"{size.appliers} further processes apply the log; SIGKILL after {_SHORTEST_SECONDS:g} to {size.longest:g} s",
        *problems[:10],
    ]
    return Report(rows, notes)


def _writers(store: Store, url: str, folder: Path, size: Size, forker: Forker) -> tuple[Lanes, Findings]:
    folder.mkdir()
    manifest = build_release(folder / "release", products=PRODUCTS)
    publish_directly(store, folder / "release", manifest)
    base = Lane(url, folder, changes=size.changes)
    writers = [replace(base, number=number, drops=number % 2 == 0) for number in range(size.writers)]
    appliers = [replace(base, number=size.writers + number) for number in range(size.appliers)]
    lanes = Lanes(writers, appliers, size.kills, size.longest)
    lanes.run(forker)
    settings = Settings(store=url, threads=1)
    apply_changes(store, settings)
    return lanes, audit(store, manifest, size.writers, size.changes)


def _rows(kind: str, lanes: Lanes, found: Findings, size: Size) -> list[Row]:
    none = Goal("at most", 0)
    return [
        Row(f"{kind}: kills", exact(lanes.killed), goal=Goal("at least", size.writers)),
        Row("  batches that writers noted", exact(lanes.noted), goal=Goal("at least", size.writers * size.changes)),
        Row("  entries of the log", exact(found.entries), goal=Goal("at least", size.writers * size.changes)),
        Row("    of commands that were repeated", exact(found.repeated)),
        Row("  changes applied", exact(found.applied)),
        Row("  changes rejected with a reason", exact(found.rejected)),
        Row("  releases made for them", exact(found.releases)),
        Row("  batches missing in the log, or dropped once and there twice", exact(len(found.wrong_log)), goal=none),
        Row("  items not live once as the log says, or with another photo", exact(len(found.wrong_items)), goal=none),
        Row("  rejections missing, or of what was applied", exact(len(found.wrong_notes)), goal=none),
        Row("  scratch left by killed processes", exact(lanes.scratch), goal=none),
    ]
