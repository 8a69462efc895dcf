"""Where the changes are dropped: a store in a folder or in a bucket, the process that applies them, one that serves."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from benchmarks.inputs.bench_release import ROOT, BenchRelease, put
from benchmarks.processes import server
from benchmarks.processes.counted_bucket import Sent, counted_bucket
from benchmarks.processes.ingester import Applied
from benchmarks.processes.lambda_function import BUCKET
from benchmarks.processes.server import Server
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import DROPS, Store
from lambda_app.store.folder import FolderStore

if TYPE_CHECKING:
    from obstore.store import S3Config

RELOAD_SECONDS = "0.1"
LIVE_SECONDS = 60.0
_PAUSE_SECONDS = 0.002
_RELEASE = "X-Lookalike-Release"
_PHOTOS = "datasets/"


@dataclass(frozen=True)
class Dropped:
    """One drop, from its upload to the first answer of the release that has it.

    Attributes:
        seconds: of the whole.
        applied: what the process that applied it measured.
        reload: seconds of them from the first request after the pointer moved to the first answer of the new release.
        requests: of the process that applied it; None: the store is a folder.
        written: bytes that it wrote to the store.
        scratch: bytes that it keeps on its own disk; `cached`: the same of the process that serves.
    """

    seconds: float
    applied: Applied
    reload: float
    requests: Sequence[Sent] | None
    written: int
    scratch: int
    cached: int

    @property
    def fetched(self) -> int:
        """Bytes that were fetched from the bucket, without photos."""
        return sum(sent.sent for sent in self.requests or () if not sent.key.startswith(_PHOTOS))

    def lists(self, *prefixes: str) -> int:
        """How often keys with one of these prefixes, or all keys, were listed."""
        listed = [sent.key for sent in self.requests or () if sent.method == "LIST"]
        return sum(not key or key.startswith(prefixes) for key in listed)


class Place:
    """A store with a live release, the process that applies changes to it, and one that serves it."""

    def __init__(self, release: BenchRelease, folder: Path, *, bucket: bool) -> None:
        """Fill the store and start both processes; `close` ends them."""
        self._stack, self._folder, self._count = ExitStack(), folder, 0
        self._disks = (folder / "applying", folder / "serving")
        self._bucket = self._stack.enter_context(counted_bucket()) if bucket else None
        self.store: Store = self._open()
        environ = {"LOOKALIKE_STORE": str(self.store)} if self._bucket is None else self._bucket.environ()
        self.store.write_pointer(put(self.store, release.folder, release.manifest), None)
        for disk in self._disks:
            disk.mkdir()
        serving = {**environ, "TMPDIR": str(self._disks[1]), "LOOKALIKE_RELOAD_SECONDS": RELOAD_SECONDS}
        self._server: Server = self._stack.enter_context(server.ours(environ["LOOKALIKE_STORE"], **serving))
        self._ingester = Ingester({**environ, "TMPDIR": str(self._disks[0])})
        self._stack.callback(self._ingester.close)
        self._wait_for(release.manifest.release, self._server.wait().port)

    def close(self) -> None:
        """End the processes."""
        self._stack.close()

    def drop(self, lines: bytes) -> Dropped:
        """Drop changes, apply them, and wait until they answer."""
        self._count += 1
        key = f"{DROPS}changes-{self._count}.jsonl"
        begin = time.perf_counter()
        self.store.write(key, lines)
        before = self._written()
        sent = 0 if self._bucket is None else len(self._bucket.requests)
        applied = self._ingester.apply(key)
        requests = None if self._bucket is None else self._bucket.requests[sent:]
        moved = time.perf_counter()
        self._wait_for(applied.release, self._server.port)
        end = time.perf_counter()
        written = self._written() - before if requests is None else sum(each.received for each in requests)
        return Dropped(end - begin, applied, end - moved, requests, written, *map(_bytes, self._disks))

    def _open(self) -> Store:
        if self._bucket is None:
            return FolderStore(self._folder / "store")
        account: S3Config = {"endpoint": self._bucket.url, "access_key_id": "testing", "secret_access_key": "testing"}
        return S3Store(BUCKET, cache=self._folder / "cache", config=account)

    def _written(self) -> int:
        return _bytes(self.store.root) if isinstance(self.store, FolderStore) else 0

    def _wait_for(self, release: str, port: int) -> None:
        """Ask until a release answers.

        Raises:
            TimeoutError: it did not within a minute.
        """
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIVE_SECONDS)
        end = time.perf_counter() + LIVE_SECONDS
        try:
            while time.perf_counter() < end:
                connection.request("GET", "/readyz")
                response = connection.getresponse()
                response.read()
                if response.headers.get(_RELEASE) == release:
                    return
                time.sleep(_PAUSE_SECONDS)
        finally:
            connection.close()
        raise TimeoutError(f"{release} gave no answer within {LIVE_SECONDS:g} s")


class Ingester:
    """The process of `benchmarks.processes.ingester`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Start it; its environment is `environ`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.processes.ingester"],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._input, self._output = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)

    def apply(self, key: str) -> Applied:
        """Apply a drop, and wait.

        Raises:
            RuntimeError: the process ended; its traceback is on standard error.
        """
        self._input.write(f"{key}\n")
        self._input.flush()
        line = self._output.readline()
        if not line:
            raise RuntimeError(f"the process that applies changes ended with exit code {self._process.wait()}")
        return Applied(**json.loads(line))

    def close(self) -> None:
        """End it."""
        self._input.close()
        self._output.close()
        self._process.kill()
        self._process.wait()


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
