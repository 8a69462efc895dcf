"""Process items in threads; results keep the order of the items, and the number in flight is bounded."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

IN_FLIGHT_PER_WORKER = 4


T = TypeVar("T")


R = TypeVar("R")


def in_order(
    items: Iterable[T], work: Callable[[T], R], workers: int, known: Callable[[T], R | None] = lambda _: None
) -> Iterator[tuple[T, Future[R]]]:
    """Apply `work` to each item in threads; yield (item, finished future) in the order of the items.

    At most `IN_FLIGHT_PER_WORKER * workers` items are in flight. Items are consumed lazily.

    Args:
        known: the result of an item if it needs no thread, else None. Called in the thread of the caller.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        window: deque[tuple[T, Future[R]]] = deque()
        for item in items:
            window.append((item, pool.submit(work, item) if (result := known(item)) is None else _done(result)))
            if len(window) >= IN_FLIGHT_PER_WORKER * workers:
                yield _finished(window)
        while window:
            yield _finished(window)


def _done(result: R) -> Future[R]:
    future: Future[R] = Future()
    future.set_result(result)
    return future


def _finished(window: deque[tuple[T, Future[R]]]) -> tuple[T, Future[R]]:
    item, future = window.popleft()
    future.exception()  # waits until done; `result()` raises the error in the caller
    return item, future
