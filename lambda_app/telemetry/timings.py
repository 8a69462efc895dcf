"""Durations of the parts of one request."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Timings:
    """Milliseconds spent in each part (decode, forward, search), and in total since this object was created.

    Create one per request and use it from one thread at a time. If a part is measured twice, its durations are added.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start the total; `clock` returns seconds."""
        self._clock = clock
        self._start = clock()
        self.parts: dict[str, float] = {}

    @contextmanager
    def measure(self, part: str) -> Iterator[None]:
        """Add the duration of the block to `part`."""
        start = self._clock()
        try:
            yield
        finally:
            self.parts[part] = self.parts.get(part, 0.0) + 1000.0 * (self._clock() - start)

    def total(self) -> float:
        """Milliseconds since the start."""
        return 1000.0 * (self._clock() - self._start)

    def server_timing(self) -> str:
        """The value of a `Server-Timing` header (W3C Server Timing): `decode;dur=1.2, ..., total;dur=3.4`."""
        return ", ".join(f"{part};dur={ms:.2f}" for part, ms in {**self.parts, "total": self.total()}.items())
