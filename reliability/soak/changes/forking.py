"""A process that has everything imported, and forks itself for each piece of work.

So a fork is killed at its work, and not while it imports. It starts no thread of its own, because a fork has none of
them. What `multiprocessing` offers imports the main module in each child, which takes seconds here.

    python -m reliability.soak.changes.forking

reads work and lane from each line of standard input, and answers with the process id of the fork.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from benchmarks.inputs.bench_release import ROOT
from lambda_app.settings import harmless_environ
from reliability.soak.changes.writer import Lane


class Fork:
    """A forked process. It stays a zombie after its end, so that its id is not used again."""

    def __init__(self, pid: int) -> None:
        """Watch it."""
        self._pid, self._handle = pid, os.pidfd_open(pid)

    def ended(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        readable, _, _ = select.select([self._handle], [], [], seconds)
        return bool(readable)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        self.ended(60.0)
        os.close(self._handle)


class Forker:
    """The process that forks, until the `with` block ends. Thread-safe."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Start it; `environ`: what it adds to its environment, such as the account of a bucket."""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env={**harmless_environ(), "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._input, self._output = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._input.close()
        self._process.wait()
        self._output.close()

    def fork(self, work: str, lane: Lane) -> Fork:
        """Begin a piece of work: a function of `reliability.soak.changes.writer`.

        Raises:
            RuntimeError: the process that forks has ended.
        """
        with self._lock:
            self._input.write(json.dumps({"work": work, "lane": {**asdict(lane), "folder": str(lane.folder)}}) + "\n")
            self._input.flush()
            answer = self._output.readline()
        if not answer:
            raise RuntimeError(f"the process that forks ended with exit code {self._process.wait()}")
        return Fork(int(answer))


def main() -> None:
    """Fork until standard input ends."""
    from reliability.soak.changes import writer

    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        lane = Lane(**{**command["lane"], "folder": Path(command["lane"]["folder"])})
        pid = os.fork()
        if pid == 0:
            try:
                getattr(writer, command["work"])(lane)
            except BaseException:  # a fork must not go on to read the next line
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
