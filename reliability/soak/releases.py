"""Many releases in a row under constant requests: no failed answer, no mixed answer, memory and disk level."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.figures.table import Goal, Report, Row, Spread, exact
from benchmarks.processes import server
from benchmarks.processes.server import CONTENT_TYPE, Server, form
from lambda_app.promotion.upkeep.pruning import prune
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import DROPS, OBJECTS
from reliability.soak.load.connection import Reply, connect, request
from reliability.soak.load.matching import RELEASE_HEADER, problems
from reliability.soak.load.numbered import Maker, Numbered
from reliability.soak.load.resources import folder_bytes, held, slope
from reliability.soak.racer import AT_ONCE
from tests.e2e.lambda_process import LambdaProcess
from tests.lambda_events import BUCKET, object_created
from tests.s3_server import S3Server
from training.pipeline.progress import track

RELEASES, QUICK_RELEASES = 200, 5
CLIENTS = 2
KEEP, PRUNE_EVERY = 3, 4
LIVE_SECONDS = 30.0
MOST_GROWTH = 1.05  # of the last quarter beside the first
_PREFIX = "releases"
_MB = 1e6
_PAUSE_SECONDS = 0.02


@dataclass
class Answers:
    """What the clients got."""

    count: int = 0
    by_release: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)

    def judge(self, kind: str, image_id: str, reply: Reply, releases: Mapping[str, Numbered]) -> None:
        """Count an answer, and note what is wrong with it; the arguments are those of `problems`."""
        self.count += 1
        self.by_release[reply.headers.get(RELEASE_HEADER, "")] += 1
        if reply.status != 200:
            self.failed.append(f"{kind}: {reply.status} {reply.body[:200]!r}")
        elif found := problems(reply, kind, image_id, releases):
            self.mixed.append(f"{kind} of {image_id}: {'; '.join(found)}")


@dataclass(frozen=True)
class Level:
    """What was held when a release had been live for a moment, in bytes.

    Attributes:
        server, promoter: memory of the processes.
        cache, scratch: files that they hold: release files of the server, the promoter's temporary folder.
        store: objects in the bucket.
    """

    server: int
    promoter: int
    cache: int
    scratch: int
    store: int


async def ask(port: int, photos: Mapping[str, bytes], releases: Mapping[str, Numbered], answers: Answers) -> None:
    """A client: asks one question after the other until it is cancelled, and checks each answer."""
    questions = [
        (kind, image_id, wanted)
        for image_id, photo in photos.items()
        for kind, wanted in (
            ("predict", request("POST", "/predict?distinct=image", form(photo), CONTENT_TYPE)),
            ("similar", request("GET", f"/items/{image_id}/similar")),
            ("item", request("GET", f"/items/{image_id}")),
            ("release", request("GET", "/release")),
        )
    ]
    connection = await connect(port)
    try:
        while True:
            for kind, image_id, wanted in questions:
                try:
                    if connection.closed:
                        connection = await connect(port)
                    reply = await connection.ask(wanted)
                except OSError as exc:
                    answers.failed.append(f"{kind}: {exc!r}")
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                answers.judge(kind, image_id, reply, releases)
    finally:
        connection.close()


class Succession:
    """Promotes release after release to a running server."""

    def __init__(self, store: S3Store, maker: Maker, promoter: LambdaProcess, target: Server, temporary: Path) -> None:
        """Begin with no release; `temporary` is the server's folder for temporary files."""
        self.releases: dict[str, Numbered] = {}
        self.answers = Answers()
        self.levels: list[Level] = []
        self.not_live: list[str] = []
        self._store, self._maker, self._promoter, self._target = store, maker, promoter, target
        self._temporary = temporary

    async def run(self, count: int) -> None:
        """Promote so many releases while clients ask."""
        await self._promote(0)
        clients = [
            asyncio.create_task(ask(self._target.port, self._maker.photos, self.releases, self.answers))
            for _ in range(CLIENTS)
        ]
        for number in track(range(1, count), count - 1, "releases", "release"):
            await self._promote(number)
            if number % PRUNE_EVERY == 0:
                await asyncio.to_thread(prune, self._store, KEEP, AT_ONCE)
                self.levels.append(await asyncio.to_thread(self._level))
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _promote(self, number: int) -> None:
        archive, release = await asyncio.to_thread(self._maker.make, number)
        name = release.manifest.release
        self.releases[name] = release  # before it can answer
        key = DROPS + archive.name
        await asyncio.to_thread(self._store.upload, key, archive)
        _, answer = await asyncio.to_thread(self._promoter.invoke, object_created(f"{_PREFIX}/{key}"))
        await asyncio.to_thread(self._store.delete, key)
        archive.unlink()
        if answer["outcome"] != "live" or not await self._answers(name):
            self.not_live.append(f"{name}: {answer}")

    async def _answers(self, name: str) -> bool:
        """Whether the server answers by a release soon."""
        end = asyncio.get_running_loop().time() + LIVE_SECONDS
        with closing(await connect(self._target.port)) as connection:
            while asyncio.get_running_loop().time() < end:
                reply = await connection.ask(request("GET", "/readyz"))
                if reply.headers.get(RELEASE_HEADER) == name:
                    return True
                await asyncio.sleep(_PAUSE_SECONDS)
        return False

    def _level(self) -> Level:
        objects = sum(len(self._store.read(key)) for key in self._store.keys(OBJECTS))
        return Level(
            held(self._target.pid).resident,
            held(self._promoter.pid).resident,
            folder_bytes(self._temporary),
            folder_bytes(self._promoter.temporary),
            objects,
        )


def run(quick: bool) -> Report:
    """Promote releases by the promoter's Lambda process to a bucket that a server serves."""
    count = QUICK_RELEASES if quick else RELEASES
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    with TemporaryDirectory() as name, closing(S3Server()) as s3:
        scratch = Path(name)
        store, maker = s3.store(_PREFIX, scratch / "operator"), Maker(scratch / "made", begin)
        environ = {"AWS_ENDPOINT_URL": s3.url, "LOOKALIKE_STORE": f"s3://{BUCKET}/{_PREFIX}"}
        temporary = scratch / "server"
        temporary.mkdir()
        with (
            closing(LambdaProcess("lambda_app.promoter.handler", scratch / "promoter", environ)) as promoter,
            server.ours(environ["LOOKALIKE_STORE"], **_server_environ(s3.url, temporary)) as target,
        ):
            succession = Succession(store, maker, promoter, target.wait(), temporary)
            asyncio.run(succession.run(count))
    return Report(_rows(succession, count), _notes(succession))


def _server_environ(url: str, temporary: Path) -> dict[str, str]:
    account = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}
    return {**account, "AWS_ENDPOINT_URL": url, "TMPDIR": str(temporary), "LOOKALIKE_RELOAD_SECONDS": "0.1"}


def _rows(found: Succession, count: int) -> list[Row]:
    answers, levels = found.answers, found.levels
    seen = sum(name in answers.by_release for name in found.releases)
    return [
        Row("releases promoted under requests", exact(len(found.releases)), goal=Goal("at least", count)),
        Row("  that did not go live", exact(len(found.not_live)), goal=Goal("at most", 0)),
        Row("  whose answers clients got", exact(seen)),
        Row("answers checked", exact(answers.count), goal=Goal("at least", 10 * count)),
        Row("  failed", exact(len(answers.failed)), goal=Goal("at most", 0)),
        Row("  of two releases at once", exact(len(answers.mixed)), goal=Goal("at most", 0)),
        *_growth("the server's memory, MB", [level.server for level in levels]),
        *_growth("the promoter's memory, MB", [level.promoter for level in levels]),
        *_growth("files in the server's cache, MB", [level.cache for level in levels]),
        *_growth("files that the promoter keeps, MB", [level.scratch for level in levels]),
        *_growth("objects in the store after a prune, MB", [level.store for level in levels]),
    ]


def _growth(measure: str, values: Sequence[int]) -> list[Row]:
    """The median of the last quarter beside that of the first, and the slope with its interval."""
    megabytes = [value / _MB for value in values]
    quarter = max(1, len(megabytes) // 4)
    first, last = median(megabytes[:quarter]), median(megabytes[-quarter:])
    goal = Goal("at most", round(MOST_GROWTH * first, 3))
    rows = [Row(f"{measure}: last quarter beside first", exact(last), exact(first), goal)]
    if len(megabytes) >= 3:
        # Hours as releases: the slope's unit of time is whatever its moments are in, times 3,600.
        grown = slope(
            [3600.0 * PRUNE_EVERY * index for index in range(len(megabytes))], [1000 * mb for mb in megabytes]
        )
        rows.append(
            Row(
                "  growth with each release, KB (95 % interval)",
                Spread(grown.value, grown.low, grown.high, len(values)),
            )
        )
    return rows


def _notes(found: Succession) -> list[str]:
    return [
        f"{CLIENTS} clients without a pause; a bucket (moto's S3), the promoter's Lambda process, a prune that keeps "
        f"{KEEP} after every {PRUNE_EVERY} releases; memory without mapped files",
        *found.not_live[:3],
        *found.answers.failed[:3],
        *found.answers.mixed[:3],
    ]
