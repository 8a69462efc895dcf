"""The service under attack: a real server process on a store with a small release, and a client that counts."""

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes.server import ours, processor_seconds
from lambda_app.store.folder import FolderStore
from tests.releases import build_release, publish_directly

DROPPED = 0
_TIMEOUT_SECONDS = 120.0
_IDLE_SECONDS = 2.0


@dataclass(frozen=True)
class Reply:
    """An answer, or its absence.

    Attributes:
        status: `DROPPED` if the connection ended without an answer.
        processor: processor time of the server while it answered, in seconds.
    """

    status: int
    body: bytes
    processor: float = 0.0


class Target:
    """A server on a local port. One connection, so that the processor time of a request is that of the server."""

    def __init__(self, port: int, pid: int) -> None:
        """Nothing is sent yet.

        Args:
            pid: process whose processor time and memory are measured.
        """
        self.port = port
        self._pid = pid
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        self._used = 0.0

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and read the whole answer. An error of the connection is an answer of status `DROPPED`."""
        # A server closes idle connections, which is no drop.
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self._connection.close()
        begun = processor_seconds(self._pid)
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            response = self._connection.getresponse()
            status, data = response.status, response.read()
        except (http.client.HTTPException, OSError) as exc:
            self._connection.close()
            status, data = DROPPED, str(exc).encode()
        self._used = time.monotonic()
        return Reply(status, data, processor_seconds(self._pid) - begun)

    def resident(self) -> int:
        """Resident memory of the process, in bytes."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass(frozen=True)
class Running:
    """A service that runs.

    Attributes:
        address: of its API.
        photo: a photo of its catalog.
    """

    target: Target
    address: str
    photo: bytes
    categories: tuple[str, ...]


@contextmanager
def small_service(folder: Path, **settings: str) -> Iterator[Running]:
    """`scripts/serve` on a folder store whose release has 40 photos, until the block ends.

    Args:
        folder: an empty folder for the release and the store.
        settings: variables of its environment.
    """
    manifest = build_release(folder / "release")
    publish_directly(FolderStore(folder / "store"), folder / "release", manifest)
    with ours(str(folder / "store"), **settings).wait() as server:
        target = Target(server.port, server.pid)
        if target.send("GET", "/readyz").status != 200:
            raise RuntimeError(f"the server is not ready: {server.written()}")
        photo = (folder / "release" / "photos" / "003a.jpg").read_bytes()
        yield Running(target, f"http://127.0.0.1:{server.port}", photo, manifest.categories)
        target.close()
