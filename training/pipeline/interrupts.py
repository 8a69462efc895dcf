"""Ctrl-C and SIGTERM in a command of training, from its first import to its end.

Import this module before all others in the file that `python -m` runs. The imports after it take seconds, and Ctrl-C
during them then ends the program with one line. Later it raises KeyboardInterrupt, as usual. Python swallows an
exception in a finalizer, so the signal is remembered too, and `check` raises it again: before each stage and batch.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does: with its clean-up, and resumable."""


_KINDS: dict[int, type[KeyboardInterrupt]] = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
_seen: list[int] = []  # the signals of this command, in order


def message(number: int) -> str:
    """What the user reads when the signal of this number has stopped a command."""
    return f"stopped by {'SIGTERM' if number == signal.SIGTERM else 'Ctrl-C'}; run again to go on"


def number_of(stopped: KeyboardInterrupt) -> int:
    """The signal that raised this exception."""
    return signal.SIGTERM if isinstance(stopped, Terminated) else signal.SIGINT


def check() -> None:
    """Raise again what a signal has raised, if a finalizer swallowed it.

    Raises:
        KeyboardInterrupt: a signal has arrived since the command began.
    """
    if _seen:
        raise _KINDS[_seen[0]]


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block, Ctrl-C and SIGTERM raise KeyboardInterrupt, and `check` does so after them.

    A process that ignores Ctrl-C goes on ignoring it. No effect outside the main thread (a limit of Python signals).
    """

    def interrupt(number: int, _frame: FrameType | None) -> None:
        _seen.append(number)
        raise _KINDS[number]

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [number for number in _KINDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in handled}
    _seen.clear()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _seen.clear()


def exit_at_once(number: int, _frame: FrameType | None) -> None:
    """End the process with one line: nothing has begun that needs a clean-up."""
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{message(number)}\n".encode())
    os._exit(128 + number)


def _is_command() -> bool:
    """Whether the program is a command of training, and not a test or another program that imports this module."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name.startswith("training.")


if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, exit_at_once)
