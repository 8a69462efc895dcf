"""A process that is killed with all its children, as by a power cut."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.inputs.bench_release import ROOT
from lambda_app.promotion.scratch import PURPOSES

END_SECONDS = 60.0
# Scratch is swept an hour after its process died. This makes it look older.
_TWO_HOURS = 7200


class Victim:
    """A Python process in a session of its own. It ends with `kill` or by itself."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], output: Path) -> None:
        """Start the process.

        Args:
            command: arguments of the Python interpreter.
            environ: exactly its environment.
            output: the file to which it writes.
        """
        self.output = output
        with output.open("ab") as written:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=dict(environ),
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def kill(self) -> None:
        """SIGKILL to the process and to its children, and wait for its end."""
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self) -> int:
        """Wait for its end; its exit code, negative if a signal ended it.

        Raises:
            TimeoutError: it did not end within a minute.
        """
        try:
            return self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired as exc:
            self.kill()
            raise TimeoutError(f"process {self.pid} did not end within {END_SECONDS:g} s: {self.written()}") from exc

    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def has_child(self) -> bool:
        """Whether it runs a child process, such as a trial."""
        tasks = Path(f"/proc/{self.pid}/task")
        try:
            return any((task / "children").read_text() for task in tasks.iterdir())
        except OSError:
            return False

    def written(self) -> str:
        """The end of its output."""
        return self.output.read_text(errors="replace")[-2000:]


def make_old(folder: Path) -> None:
    """Set the times of all that is in a folder two hours back, as if what was killed had died then."""
    moment = time.time() - _TWO_HOURS
    for path in (*folder.glob("lookalike-*"), *folder.rglob(".partial-*")):
        os.utime(path, (moment, moment))


def scratch_left(folder: Path) -> int:
    """How much unfinished work of dead processes lies in a folder: scratch folders and partial files."""
    scratch = [path for kind in PURPOSES for path in folder.glob(f"lookalike-{kind}-*")]
    return len(scratch) + len(list(folder.rglob(".partial-*"))) + len(list(folder.rglob(".*.partial")))
