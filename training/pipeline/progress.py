"""Progress of long loops: a progress bar with rate and time left on a terminal, else log lines."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from tqdm import tqdm

from training.pipeline import interrupts

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 10.0

T = TypeVar("T")


class ProgressReporter(Protocol):
    """A function that yields the items unchanged and reports progress, such as `track`."""

    def __call__(self, items: Iterable[T], total: int | None, desc: str, unit: str) -> Iterator[T]: ...


def track(
    items: Iterable[T], total: int | None, desc: str, unit: str, seconds: float = SECONDS_BETWEEN_LINES
) -> Iterator[T]:
    """Yield `items` unchanged and report progress: a bar if standard error is a terminal, else log lines.

    Args:
        items: the items to iterate over; consumed lazily.
        total: number of items, if known.
        desc: label of the progress bar, such as "photos".
        unit: name of one item, such as "photo".
        seconds: minimum time between two log lines. One more line is logged at the end, unless there were
            no items.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM has arrived, and its exception was swallowed.
    """
    if total == 0:
        yield from items
        return
    if sys.stderr.isatty():
        yield from _unless_stopped(tqdm(items, total=total, desc=desc, unit=unit, dynamic_ncols=True))
        return
    start = last = time.monotonic()
    done = 0
    for item in _unless_stopped(items):
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= seconds:
            last = now
            log.info(_line(done, total, desc, unit, now - start))
    if done:
        log.info("%s, done", _line(done, None, desc, unit, time.monotonic() - start))


def _unless_stopped(items: Iterable[T]) -> Iterator[T]:
    """The items, until Ctrl-C or SIGTERM: also if a finalizer swallowed its exception."""
    for item in items:
        interrupts.check()
        yield item


def _line(done: int, total: int | None, desc: str, unit: str, elapsed: float) -> str:
    rate = done / elapsed if elapsed > 0 else 0.0
    units = unit if (total or done) == 1 else f"{unit}es" if unit.endswith("ch") else f"{unit}s"
    line = f"{desc}: {done:,}{f' of {total:,}' if total else ''} {units}, {rate:,.1f} a second"
    if not total or rate == 0.0:
        return line
    return f"{line}, {max(0, total - done) / rate:,.0f} s left"
