"""Progress of long work: a bar with rate and time left on a terminal, log lines elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from tqdm import tqdm

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 10.0

T = TypeVar("T")


class Tracker(Protocol):
    """Passes items through and shows how far they are: `track`, or whatever a caller puts in its place."""

    def __call__(self, items: Iterable[T], total: int | None, desc: str, unit: str) -> Iterator[T]: ...


def track(
    items: Iterable[T], total: int | None, desc: str, unit: str, seconds: float = SECONDS_BETWEEN_LINES
) -> Iterator[T]:
    """Pass `items` through and show progress: a bar if standard error is a terminal, else lines to the log.

    Args:
        items: what is worked through; consumed lazily.
        total: how many there are, if known.
        desc: what is being done, such as "photos".
        unit: what one item is, such as "photo".
        seconds: between two lines of the log; a last line always follows.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=desc, unit=unit, dynamic_ncols=True)
        return
    begin = last = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= seconds:
            last = now
            log.info(_line(done, total, desc, unit, now - begin))
    log.info("%s, done", _line(done, None, desc, unit, time.monotonic() - begin))


def _line(done: int, total: int | None, desc: str, unit: str, elapsed: float) -> str:
    rate = done / elapsed if elapsed > 0 else 0.0
    units = f"{unit}es" if unit.endswith("ch") else f"{unit}s"
    line = f"{desc}: {done:,}{f' of {total:,}' if total else ''} {units}, {rate:,.1f} a second"
    if not total or rate == 0.0:
        return line
    return f"{line}, {max(0, total - done) / rate:,.0f} s left"
