"""Both sides as HTTP servers in their own processes, with figures from /proc."""

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
    """One request, as seen by the client.

    Attributes:
        begun: time when its first byte was sent, on the clock of `time.perf_counter`.
        seconds: time until the last byte of the answer.
        timings: milliseconds by part, from the `Server-Timing` header; empty without the header.
        release: the release that answered; empty if the server does not name it.
    """

    status: int
    begun: float
    seconds: float
    timings: Mapping[str, float]
    release: str


class Client:
    """A persistent connection for one thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)

    def send(self, body: bytes) -> Answer:
        """POST a form with a photo to the similar-images route, and read the whole answer."""
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
    """A process that serves HTTP on a free local port until the `with` block ends."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start the process. `{port}` in the command is replaced by the port.

        The environment is exactly `environ`: no variable of the shell can change the number of threads or disable
        bytecode.
        """
        self.port = free_port()
        command_line = [part.replace("{port}", str(self.port)) for part in command]
        super().__init__(command_line, environ)

    def wait(self) -> "Server":
        """Wait until the server listens; returns it.

        Raises:
            RuntimeError: it ended, or does not listen within a minute. The message contains its output.
        """
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.ended() or time.perf_counter() - self.started > START_SECONDS:
                raise RuntimeError(f"the server {' '.join(self.command)} does not listen: {self.written()}")
            time.sleep(_PAUSE_SECONDS)

    def processor_seconds(self) -> float:
        """Processor time of all its threads so far, in seconds."""
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
    """A multipart body with the photo in field `file`, like that of a browser."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far, in seconds: all threads, user and system."""
    # Fields 14 and 15 (proc(5)). Field 2, the name, can contain spaces; it ends at the last parenthesis.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_bytes(pid: int) -> int:
    """Peak resident memory of a process, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def free_port() -> int:
    """A free local TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
