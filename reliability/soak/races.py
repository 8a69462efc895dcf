"""Two promoters and prunes against each other: after every round, what is live is complete, and nothing got lost."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

from benchmarks.figures.table import Goal, Report, Row, exact
from lambda_app.errors import LookalikeError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.recommendation import recommender
from lambda_app.release.manifest import MANIFEST, FileEntry, Manifest
from lambda_app.settings import Settings, harmless_environ
from lambda_app.store.contract import OBJECTS, Store
from lambda_app.store.folder import FolderStore
from tests.lambda_events import BUCKET
from tests.releases import build_release
from tests.s3_server import S3Server
from training.pipeline.progress import track

ROUNDS, QUICK_ROUNDS = 500, 6
SOURCES = 4  # releases whose files the rounds reuse: a promotion often needs what a prune is about to delete
KEEP = 2  # the two that the round promotes, which in real life are too young: see docs/reliability.md
_REPEAT_EVERY = 5  # in such a round both promoters take the same release, as for an event that comes twice
_PRUNE_SECONDS = {"folder": 0.05, "bucket": 0.3}
_ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Findings:
    """What the rounds in one store showed.

    Attributes:
        broken: rounds after which the live release was not complete or did not load, in words.
        lost: rounds after which another release than the newest was live, or an outcome had no words.
        vanished: releases that a promoter reported as stored, that are gone, and that no prune says it deleted.
    """

    rounds: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    prunes: int = 0
    deleted: int = 0
    broken: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    vanished: set[str] = field(default_factory=set)


class Racer:
    """A process of `reliability.soak.racer`."""

    def __init__(self, environ: dict[str, str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reliability.soak.racer"],
            env={**harmless_environ(), "PYTHONPATH": str(_ROOT), **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._input, self._output = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)

    def begin(self, **command: object) -> None:
        """Send a command."""
        self._input.write(json.dumps(command) + "\n")
        self._input.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer of the command.

        Raises:
            RuntimeError: the process ended.
        """
        line = self._output.readline()
        if not line:
            raise RuntimeError(f"a racer ended with exit code {self._process.wait()}; its output has the traceback")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._input.close()
        self._output.close()
        self._process.terminate()
        self._process.wait()


class Rounds:
    """Runs the rounds in one store."""

    def __init__(self, store: Store, scratch: Path, racers: Sequence[Racer]) -> None:
        """Build the releases; `racers` are two promoters and a pruner, with the same store as `store`."""
        self.findings = Findings()
        self._store, self._scratch = store, scratch
        self._racers = racers
        self._settings = Settings(store=str(store), threads=1)
        self._begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        self._made = 0
        self._reported: set[str] = set()
        self._pruned: set[str] = set()
        self._sources = [
            (scratch / f"source-{n}", build_release(scratch / f"source-{n}", seed=n)) for n in range(SOURCES)
        ]

    def run(self, rounds: int, kind: str) -> Findings:
        """Run so many rounds, then compare what is stored with what the processes reported."""
        *promoters, pruner = self._racers
        for number in track(range(rounds), rounds, f"races, {kind}", "round"):
            same = number % _REPEAT_EVERY == _REPEAT_EVERY - 1
            folders = [self._next("first")]
            folders.append(folders[0] if same else self._next("second"))
            newest = folders[-1][1].release
            # By turns, the first and the second promoter have the newer release.
            pairs = list(zip(promoters, folders if number % 2 else folders[::-1], strict=True))
            pruner.begin(prune=KEEP, seconds=_PRUNE_SECONDS[kind])
            for promoter, (folder, _) in pairs:
                promoter.begin(promote=str(folder))
            for promoter, (_, manifest) in pairs:
                self.judge(manifest.release, promoter.answer(), newest, number)
            self._count(pruner.answer())
            self.audit(newest, number)
        return self.findings

    def _next(self, name: str) -> tuple[Path, Manifest]:
        """A release with a new id, a second newer than the one before, of files that older ones had."""
        source, manifest = self._sources[self._made % SOURCES]
        created_at = self._begin + timedelta(seconds=self._made)
        manifest = manifest.model_copy(update={"release": f"race-{self._made:06}", "created_at": created_at})
        self._made += 1
        folder = self._scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("photos"))
        (folder / MANIFEST).write_bytes(manifest.to_json())
        return folder, manifest

    def judge(self, release: str, answer: dict[str, Any], newest: str, number: int) -> None:
        """Note what a promoter said about a release."""
        found = self.findings
        found.outcomes[answer["outcome"]] += 1
        found.faults += answer["faults"]
        expected = {"live", "already live"} | (set() if release == newest else {"superseded"})
        if answer["outcome"] not in expected or release not in answer["detail"]:
            found.lost.append(f"round {number}: {release} was {answer['outcome']!r}: {answer['detail']!r}")
        self._reported.add(release)

    def _count(self, pruned: dict[str, Any]) -> None:
        self.findings.prunes += pruned["runs"]
        self.findings.deleted += pruned["objects"]
        self._pruned.update(pruned["releases"])

    def audit(self, newest: str, number: int) -> None:
        """Note what the store holds after a round."""
        found = self.findings
        found.rounds += 1
        live = self._store.read_pointer()
        release = live.pointer.release if live else None
        if release != newest:
            found.lost.append(f"round {number}: {release} is live, the newest is {newest}")
        if release is not None and (problem := incomplete(self._store, release, self._settings)):
            found.broken.append(f"round {number}: {problem}")
        stored = {row.release for row in list_releases(self._store)}
        found.vanished |= self._reported - stored - self._pruned


def incomplete(store: Store, release: str, settings: Settings) -> str | None:
    """Why a release cannot be served: an object is missing or differs, or the parts do not load; None if it can.

    The bytes come from the store itself, not from a local cache.
    """
    with TemporaryDirectory() as scratch:

        def fetched(entry: FileEntry) -> Path:
            path = Path(scratch) / entry.sha256
            store.download(OBJECTS + entry.sha256, path)
            if (digest := hashlib.sha256(path.read_bytes()).hexdigest()) != entry.sha256:
                raise LookalikeError(f"{entry.file} has sha256 {digest}, the manifest says {entry.sha256}")
            return path

        try:
            recommender.load(stored_manifest(store, release), fetched, settings).close()
        except LookalikeError as exc:
            return f"{release}: {exc}"
    return None


@contextmanager
def stores(scratch: Path) -> Iterator[Iterator[tuple[str, Store, dict[str, str]]]]:
    """A folder store and one in moto's S3, each with the environment of a process that opens it."""
    with closing(S3Server(one_at_a_time=True)) as s3:
        folder = FolderStore(scratch / "folder")
        credentials = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}
        bucket = {**credentials, "AWS_ENDPOINT_URL": s3.url, "LOOKALIKE_STORE": f"s3://{BUCKET}/races"}
        yield iter(
            [
                ("folder", folder, {"LOOKALIKE_STORE": str(folder)}),
                ("bucket", s3.store("races", scratch / "cache"), bucket),
            ]
        )


def run(quick: bool) -> Report:
    """Race in a folder and in a bucket."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    rows: list[Row] = []
    notes = [
        "promotions without the trial; prunes spare nothing for its age, but the two newest releases, the live one and "
        "the one before it"
    ]
    with TemporaryDirectory() as scratch, stores(Path(scratch)) as found:
        for kind, store, environ in found:
            racers = [Racer(environ) for _ in range(3)]
            try:
                findings = Rounds(store, Path(scratch) / f"made-{kind}", racers).run(rounds, kind)
            finally:
                for racer in racers:
                    racer.close()
            rows += _rows(kind, findings)
            notes += [*findings.broken[:3], *findings.lost[:3], *sorted(findings.vanished)[:3]]
    return Report(rows, notes)


def _rows(kind: str, found: Findings) -> list[Row]:
    promotions = found.outcomes.total()
    return [
        Row(f"{kind}: rounds", exact(found.rounds)),
        Row("  promotions that went live", exact(found.outcomes["live"]), goal=Goal("at least", found.rounds)),
        Row("  superseded or already live, and told so", exact(promotions - found.outcomes["live"])),
        Row("  faults that a further try settled", exact(found.faults)),
        Row("  prunes meanwhile", exact(found.prunes)),
        Row("  objects that they deleted", exact(found.deleted), goal=Goal("at least", 1)),
        Row("  rounds after which the live release was not whole", exact(len(found.broken)), goal=Goal("at most", 0)),
        Row("  lost promotions", exact(len(found.lost)), goal=Goal("at most", 0)),
        Row("  releases that vanished unannounced", exact(len(found.vanished)), goal=Goal("at most", 0)),
    ]
