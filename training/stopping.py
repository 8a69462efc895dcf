"""A stop that leaves time to save: SIGTERM, which a spot machine or an operator sends some time before SIGKILL."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

# What a shell says of a program that SIGTERM ended. Never 0: a job that was stopped has no model to hand over.
STOPPED = 128 + signal.SIGTERM


@dataclass
class Stop:
    """Whether the work is to end, at the next point from which it can go on."""

    requested: bool = False


@contextmanager
def stopped_by_sigterm() -> Iterator[Stop]:
    """Within, SIGTERM only asks for a stop; in the main thread alone, where Python takes signals.

    Raises:
        SystemExit: with `STOPPED`, at the end, where a stop was asked for.
    """
    stop = Stop()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.requested = True

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
    if stop.requested:
        sys.exit(STOPPED)
