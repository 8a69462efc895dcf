"""A bounded queue for the work of requests. A request that finds it full is refused at once.

Without a bound, every request is accepted. If there are more than the machine can process, all of them wait long.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lambda_app.errors import BusyError

T = TypeVar("T")


class WorkQueue:
    """Runs blocking functions in threads, in the order of arrival. Can be used from several event loops."""

    def __init__(self, parallel: int, waiting: int) -> None:
        """Create the queue; threads start when they are needed.

        Args:
            parallel: functions that run at the same time; 0: one per core that this process may use, but at least 2.
            waiting: functions that may wait for a thread.
        """
        self.parallel = parallel or max(2, usable_cores())
        self.limit = self.parallel + waiting
        self._threads = ThreadPoolExecutor(self.parallel, thread_name_prefix="request")
        self._lock = threading.Lock()
        self._inside = 0

    @property
    def full(self) -> bool:
        """Whether there is no place now."""
        return self._inside >= self.limit

    def refusal(self) -> BusyError:
        """The error for a request that gets no place."""
        return BusyError(f"{self.limit} requests are being answered or wait, which is the limit; send it again later")

    async def run(self, work: Callable[[], T]) -> T:
        """Run a function in a thread, and return its result.

        Raises:
            BusyError: the queue is full.
        """
        with self._lock:
            if self.full:
                raise self.refusal()
            self._inside += 1
        # Counted until the thread is done, also if the client disconnects before.
        done = self._threads.submit(work)
        done.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(done)

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
