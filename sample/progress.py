"""Progress of long work: a bar with rate and time left on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import TextIO

BAR = 30  # characters
REFRESH_SECONDS = 0.2
LINE_SECONDS = 10.0


class Progress:
    """Counts towards a total; `advance` says that more is done. A context manager that ends its bar's line."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label, self._total = label, total
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty()
        self._done, self._started = 0, time.monotonic()
        self._shown = self._started if not self._bar else 0.0

    def advance(self, count: int) -> None:
        """Count more as done and show it when it is time."""
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
