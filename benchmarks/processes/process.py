"""A Python process that a benchmark starts and ends."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from benchmarks.inputs.bench_release import ROOT

_SHOWN = 2_000  # characters


class Process:
    """Runs from the moment it is made until the block ends.

    Attributes:
        command: after the name of the interpreter.
        started: when, on the clock of `time.perf_counter`.
        pid: of the process.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start it. It sees `environ` and nothing else."""
        self.command = list(command)
        # A file: a pipe that nobody reads would stop the process once it is full.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, *self.command], cwd=ROOT, env=dict(environ), stdout=self._output, stderr=self._output
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._output.close()

    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def written(self) -> str:
        """The last of what it has written."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-_SHOWN:]
