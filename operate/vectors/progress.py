"""How far a load is, as lines."""

import threading
import time
from collections.abc import Callable

_EVERY_SECONDS = 5.0


def printed(
    print_line: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int], Callable[[int], None]]:
    """What a `Loader` tells, as lines: one at the beginning, then one every five seconds.

    Args:
        print_line: prints a line.
        clock: seconds.
    """

    def begun(size: int, done: int) -> Callable[[int], None]:
        progress = _Progress(size, done, print_line, clock)
        return progress.add

    return begun


class _Progress:
    def __init__(self, size: int, done: int, print_line: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._size, self._done, self._print, self._clock = size, done, print_line, clock
        self._lock = threading.Lock()
        self._begun = self._told = clock()
        self._begun_with = done
        if size:
            before = f", {done:,} of them done before" if done else ""
            print_line(f"{size:,} vectors to put or delete{before}")

    def add(self, count: int) -> None:
        """Count operations that are done."""
        with self._lock:
            self._done += count
            now = self._clock()
            if now - self._told < _EVERY_SECONDS:
                return
            self._told = now
            a_second = (self._done - self._begun_with) / (now - self._begun)
            left = (self._size - self._done) / a_second
            share = 100 * self._done / self._size
            self._print(
                f"{self._done:,} of {self._size:,} ({share:.0f} %), {a_second:,.0f} a second, {left:,.0f} s left"
            )
