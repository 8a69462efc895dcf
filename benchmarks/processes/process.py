"""A Python process that a benchmark starts and stops."""

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
    """Starts at construction and ends with the `with` block.

    Attributes:
        command: arguments of the Python interpreter.
        started: time of the start on the clock of `time.perf_counter`.
        pid: process id.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start the process. Its environment is exactly `environ`."""
        self.command = list(command)
        # A file, because a process blocks if nobody reads its full pipe.
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
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._output.close()

    def ended(self) -> bool:
        """Whether the process has ended by itself."""
        return self._process.poll() is not None

    def written(self) -> str:
        """The end of its output."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-_SHOWN:]
