"""A catalogue loaded into an index of S3 Vectors by `scripts/vectors`, which is killed on the way and started again.

The service is the extended moto of the tests, in a process of its own: it shows what is sent, and whether a load
survives a kill. How fast the real service is, it does not show.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import faiss

from benchmarks.figures.table import Goal, Report, Row, exact
from benchmarks.inputs.bench_release import ROOT, VAR, bench_items, put
from benchmarks.inputs.synthetic import DIM, SyntheticCatalogue
from lambda_app.catalogue.vectors.bookkeeping import stored_states
from lambda_app.catalogue.vectors.pacing import RATE
from lambda_app.catalogue.vectors.sending import CONNECTIONS
from lambda_app.photo.rules import Preprocessing
from lambda_app.release.catalog import write_catalog
from lambda_app.release.entries import CatalogEntry, IndexEntry, ModelEntry
from lambda_app.release.manifest import MANIFEST, Manifest, file_entry
from lambda_app.search.s3vectors.schema import MOST_PUT
from lambda_app.settings import harmless_environ
from lambda_app.store.folder import FolderStore
from training.pipeline.progress import track

ITEMS, QUICK_ITEMS = 1_000_000, 10_000
KILLED_AT = 0.4  # of the vectors
_BUCKET = "lookalike-vectors"
_CATEGORIES = tuple(f"category {number}" for number in range(13))
_MB = 1e6


@dataclass(frozen=True)
class Run:
    """One run of the command. `cpu`: seconds of the process and its threads."""

    code: int
    seconds: float
    cpu: float


def run(quick: bool, items: int | None = None) -> Report:
    """Load a catalogue of so many items; None: a million, or 10,000 if quick."""
    count = items or (QUICK_ITEMS if quick else ITEMS)
    with TemporaryDirectory(dir=VAR.parent if VAR.parent.exists() else None) as scratch, _service() as service:
        store = _stored(Path(scratch), count)
        first = _load(store, service, kill_at=int(KILLED_AT * count))
        at_kill = service.counters()
        second = _load(store, service)
        return _report(count, first, second, at_kill, service.counters())


def _report(count: int, first: Run, second: Run, at_kill: dict[str, Any], end: dict[str, Any]) -> Report:
    calls = end["calls"]
    rows = [
        Row("items", exact(count)),
        Row("PutVectors, calls", exact(calls["PutVectors"])),
        Row("all other calls", exact(sum(calls.values()) - calls["PutVectors"])),
        Row("calls that were throttled", exact(end["refused"]), goal=Goal("at most", 0)),
        Row("bytes sent, MB", exact(end["sent"] / _MB)),
        Row("  for each vector, bytes", exact(end["sent"] / end["put"])),
        Row("vectors sent before the kill", exact(at_kill["put"])),
        Row("vectors sent twice", exact(end["put"] - count), goal=Goal("at most", MOST_PUT * CONNECTIONS)),
        Row("seconds, both runs, with the comparison", exact(first.seconds + second.seconds)),
        Row("  vectors a second", exact(count / (first.seconds + second.seconds))),
        Row("CPU seconds of the loader", exact(first.cpu + second.cpu)),
        Row("CPU seconds of the service", exact(end["cpu"])),
        Row("memory of the service, MB", exact(end["megabytes"])),
        Row("exit code after the comparison of counts and 1,000 items", exact(second.code), goal=Goal("at most", 0)),
    ]
    notes = [
        f"{DIM} values a vector; killed (SIGKILL) at {KILLED_AT:.0%}, and started again; {CONNECTIONS} connections, "
        f"up to {RATE:,} vectors a second",
        "the service is the extended moto of the tests, in a process of its own on the same machine",
    ]
    return Report(rows, notes)


class _Service:
    def __init__(self, commands: IO[str], answers: IO[str]) -> None:
        self._commands, self._answers = commands, answers
        self.url: str = json.loads(answers.readline())["url"]

    def counters(self) -> dict[str, Any]:
        """What the service has counted."""
        self._commands.write("\n")
        self._commands.flush()
        found: dict[str, Any] = json.loads(self._answers.readline())
        return found


@contextmanager
def _service() -> Iterator[_Service]:
    command = [sys.executable, "-m", "tests.s3vectors.process"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process of the service has no pipes")
        try:
            yield _Service(process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.wait()


def _stored(folder: Path, count: int) -> FolderStore:
    """A store whose live release has so many items, and a file that is no model: a load does not read it."""
    (made := folder / "release").mkdir()
    (made / "model.onnx").write_bytes(b"no model")
    index = faiss.IndexFlatIP(DIM)
    for block in track(SyntheticCatalogue(count).blocks(), None, "vectors", "block"):
        index.add(block)
    faiss.write_index(index, str(made / "index.faiss"))
    del index
    write_catalog(made / "catalog.sqlite", bench_items(count, _CATEGORIES))
    manifest = Manifest(
        release="20261101-120000-0a1b2c3d",
        created_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
        categories=_CATEGORIES,
        preprocessing=Preprocessing(size=224),
        model=ModelEntry(**file_entry(made / "model.onnx"), embedding_dim=DIM, opset=17),
        index=IndexEntry(**file_entry(made / "index.faiss"), count=count),
        catalog=CatalogEntry(**file_entry(made / "catalog.sqlite"), count=count),
    )
    (made / MANIFEST).write_bytes(manifest.to_json())
    store = FolderStore(folder / "store")
    store.write_pointer(put(store, made, manifest), None)
    return store


def _load(store: FolderStore, service: _Service, kill_at: int | None = None) -> Run:
    """Run the command; if so many vectors are in the index, kill it."""
    command = [
        sys.executable,
        str(ROOT / "scripts" / "vectors.py"),
        "load",
        "--store",
        str(store.root),
        "--vector-bucket",
        _BUCKET,
    ]
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, cwd=ROOT, env=_environ(service.url)) as process:
        while process.poll() is None:
            if kill_at is not None and _position(store) >= kill_at:
                process.kill()
            time.sleep(0.2)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(process.returncode, time.monotonic() - begun, cpu)


def _position(store: FolderStore) -> int:
    return sum(state.loading.position for state in stored_states(store).values() if state.loading is not None)


def _environ(url: str) -> dict[str, str]:
    """The environment of a process that finds the service, and no account."""
    own = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**harmless_environ(), **own, "AWS_ENDPOINT_URL_S3VECTORS": url, "PYTHONPATH": str(ROOT)}
