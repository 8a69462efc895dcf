"""Work in threads, with results in the order of the items and a bounded number in flight."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

IN_FLIGHT_PER_WORKER = 4


T = TypeVar("T")


R = TypeVar("R")


def in_order(items: Iterable[T], work: Callable[[T], R], workers: int) -> Iterator[tuple[T, Future[R]]]:
    """Work through items in threads; yield each with its finished future, in the order of the items.

    Items are drawn only as room appears: at most `IN_FLIGHT_PER_WORKER` times `workers` are held at once.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        window: deque[tuple[T, Future[R]]] = deque()
        for item in items:
            window.append((item, pool.submit(work, item)))
            if len(window) >= IN_FLIGHT_PER_WORKER * workers:
                yield _finished(window)
        while window:
            yield _finished(window)


def _finished(window: deque[tuple[T, Future[R]]]) -> tuple[T, Future[R]]:
    item, future = window.popleft()
    future.exception()  # waits, and leaves it to the caller to raise
    return item, future
