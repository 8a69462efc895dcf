"""Keeps what is written to an index below a rate."""

import threading
import time
from collections.abc import Callable

from lambda_app.errors import SettingsError
from lambda_app.search.s3vectors.schema import MOST_WRITTEN_PER_SECOND

RATE = 2_000  # vectors a second; a batch more fits into any second


class Pace:
    """A rate that several threads share. The first batch goes at once, each further one when those before are paid."""

    def __init__(
        self,
        rate: float = RATE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with nothing written.

        Args:
            rate: vectors a second.
            clock: seconds.
            sleep: waits so many seconds.

        Raises:
            SettingsError: the service refuses this rate.
        """
        if not 0 < rate < MOST_WRITTEN_PER_SECOND:
            raise SettingsError(
                f"a rate of {rate:g} vectors a second is not possible: an index takes less than "
                f"{MOST_WRITTEN_PER_SECOND:,}, and more than 0"
            )
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._lock = threading.Lock()
        self._next = clock()

    def take(self, vectors: int) -> None:
        """Wait until so many vectors may be written."""
        with self._lock:
            now = self._clock()
            begin = max(now, self._next)
            self._next = begin + vectors / self._rate
        if begin > now:
            self._sleep(begin - now)
