"""Progress of long work: on a terminal a bar with rate and remaining time, elsewhere a line from time to time."""

import sys
import time
from types import TracebackType
from typing import TextIO

BAR = 30  # characters
REFRESH_SECONDS = 0.2
LINE_SECONDS = 10.0


class Progress:
    """Counts finished work up to a total. As a context manager, it ends the line of the bar."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label, self._total = label, total
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty()
        self._done, self._started = 0, time.monotonic()
        self._shown = self._started if not self._bar else 0.0

    def advance(self, count: int) -> None:
        """Add finished work, and update the display if enough time has passed."""
        self._done += count
        now = time.monotonic()
        if now - self._shown >= (REFRESH_SECONDS if self._bar else LINE_SECONDS):
            self._shown = now
            self._show(now)

    def _show(self, now: float) -> None:
        rate = self._done / max(now - self._started, 1e-9)
        left = (self._total - self._done) / rate if rate else 0.0
        text = f"{self._label} {self._done}/{self._total}, {rate:.0f}/s, {left:.0f} s left"
        if self._bar:
            full = BAR * self._done // max(self._total, 1)
            self._stream.write(f"\r[{'#' * full}{'.' * (BAR - full)}] {text}\x1b[K")
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show(time.monotonic())
        if self._bar:
            self._stream.write("\n")
