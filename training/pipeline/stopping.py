"""Stops a run at a point from which it can be resumed, when a signal asks for it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

# Of a machine that is taken back, and of Ctrl-C.
_STOPPING = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Stop:
    """Whether training should stop at the next point where it can be resumed.

    Attributes:
        requested: whether a signal requested it, here or in another process.
        number: of the signal; it decides the exit status.
    """

    requested: bool = False
    number: int = signal.SIGTERM


@contextmanager
def stopped_by_signal() -> Iterator[Stop]:
    """Inside the block, SIGTERM and Ctrl-C only set `Stop.requested`; a second Ctrl-C ends the program at once.

    Use in the main thread only (a limit of Python signals). A process that ignores Ctrl-C goes on ignoring it.

    Raises:
        SystemExit: at the end of the block, if a stop was requested. The status is 128 and the number of the signal, as
            of a program that the signal ended. Never 0: a stopped job has no finished model.
    """
    stop = Stop()

    def request_stop(number: int, _frame: FrameType | None) -> None:
        if stop.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.requested, stop.number = True, number

    handled = [number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, request_stop) for number in handled}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop.requested:
        sys.exit(128 + stop.number)
