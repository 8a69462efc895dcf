"""Waits until a condition holds that another process brings about, or until a deadline."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 30.0
_PAUSE_SECONDS = 0.02


def until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: it did not within `seconds`; names `what` was waited for.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(_PAUSE_SECONDS)
