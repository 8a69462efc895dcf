"""The two sides as servers: processes of their own that are asked over HTTP, and watched through /proc."""

import http.client
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inputs.bench_release import ROOT, BenchRelease
from benchmarks.processes.process import Process
from benchmarks.processes.timings import parse_timings

START_SECONDS = 60.0
SIMILAR = "/predict/similar_images"
_BOUNDARY = "lookalike-bench"
CONTENT_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class Answer:
    """One request, as its client saw it.

    Attributes:
        begun: when its first byte was sent, on the clock of `time.perf_counter`.
        seconds: from then until its last byte was received.
        timings: milliseconds by part, of the `Server-Timing` header; empty where there is none.
        release: that answered; empty where the server does not say.
    """

    status: int
    begun: float
    seconds: float
    timings: Mapping[str, float]
    release: str


class Client:
    """One connection that stays open, used by one thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)

    def send(self, body: bytes) -> Answer:
        """POST the form of a photo to the similar-images route, and read the whole answer."""
        start = time.perf_counter()
        self._connection.request("POST", SIMILAR, body, {"Content-Type": CONTENT_TYPE})
        response = self._connection.getresponse()
        response.read()
        seconds = time.perf_counter() - start
        timings = parse_timings(response.headers.get("Server-Timing", ""))
        return Answer(response.status, start, seconds, timings, response.headers.get("X-Lookalike-Release", ""))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Server(Process):
    """A process that serves HTTP on a free port of this machine until the block ends."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start it; `{port}` in the command becomes the port.

        The process sees `environ` and nothing else: no variable of this shell changes its threads, or keeps its
        modules from being compiled once.
        """
        self.port = free_port()
        command_line = [part.replace("{port}", str(self.port)) for part in command]
        super().__init__(command_line, environ)

    def wait(self) -> "Server":
        """Return once it listens.

        Raises:
            RuntimeError: it ended, or does not listen within a minute; with what it wrote.
        """
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.ended() or time.perf_counter() - self.started > START_SECONDS:
                raise RuntimeError(f"the server {' '.join(self.command)} does not listen: {self.written()}")
            time.sleep(_PAUSE_SECONDS)

    def processor_seconds(self) -> float:
        """Processor time that its threads have taken so far."""
        return processor_seconds(self.pid)


def ours(store: str, **settings: str) -> Server:
    """This project's server, as `scripts/serve` runs it, on one thread unless `LOOKALIKE_THREADS` says otherwise."""
    environ = {"LOOKALIKE_STORE": store, "LOOKALIKE_THREADS": "1", **settings}
    return Server(["scripts/serve.py", "--port", "{port}"], {"PYTHONPATH": str(ROOT), **environ})


def baseline(release: BenchRelease) -> Server:
    """The server of the design that this project replaces, on one thread."""
    command = [
        "-m",
        "benchmarks.processes.baseline",
        "--folder",
        str(release.baseline),
        "--port",
        "{port}",
        "--threads",
        "1",
    ]
    return Server(command, {"OMP_NUM_THREADS": "1"})


def form(photo: bytes) -> bytes:
    """A multipart body with the photo as field `file`, as browsers send it."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()


def processor_seconds(pid: int) -> float:
    """Processor time that a process has taken so far, all threads, user and system."""
    # Fields 14 and 15 (proc(5)); the name, field 2, may hold spaces and ends with the last parenthesis.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_bytes(pid: int) -> int:
    """The largest resident size that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
