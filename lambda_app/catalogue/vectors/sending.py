"""Carries out a difference: batches over several connections, none of which is ahead of what the store knows."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambda_app.catalogue.vectors.bookkeeping import Progress
from lambda_app.catalogue.vectors.difference import Difference, deleted_keys
from lambda_app.catalogue.vectors.index import VectorsIndex
from lambda_app.catalogue.vectors.pacing import Pace
from lambda_app.catalogue.vectors.rows import payload_bytes
from lambda_app.search.s3vectors.schema import MOST_DELETED, MOST_PUT

CONNECTIONS = 4
# Of one request. The service takes 20 MiB.
MOST_BYTES = 20 * 1024 * 1024 - 65_536


@dataclass(frozen=True)
class Batch:
    """Operations that one request carries out: from `begin` to before `end`. Vectors to put, or keys to delete."""

    begin: int
    end: int
    vectors: Sequence[dict[str, Any]] = ()
    keys: Sequence[str] = ()


def batches(changes: Difference, first_row: int, done: Sequence[tuple[int, int]]) -> Iterator[Batch]:
    """What is left of the operations: first the puts, then the deletions.

    Args:
        changes: what to do.
        first_row: the row of the first vector.
        done: ranges of operations that are done, in order.
    """
    puts = len(changes.puts)
    for begin, end in _left(changes.size, done):
        for at in range(begin, min(end, puts), MOST_PUT):
            yield from _puts(changes, first_row, at, min(at + MOST_PUT, end, puts))
        for at in range(max(begin, puts), end, MOST_DELETED):
            stop = min(at + MOST_DELETED, end)
            yield Batch(at, stop, keys=list(deleted_keys(changes, at - puts, stop - puts)))


def _left(size: int, done: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    begin = 0
    for first, last in [*done, (size, size)]:
        if begin < first:
            yield begin, first
        begin = last


def _puts(changes: Difference, first_row: int, begin: int, end: int) -> Iterator[Batch]:
    """Vectors in as many batches as their bytes need."""
    rows = changes.puts[begin:end].tolist()
    entries = changes.target.entries(rows, range(first_row + begin, first_row + end))
    size, at = 0, 0
    for place, entry in enumerate(entries):
        own = payload_bytes(entry)
        if size and size + own > MOST_BYTES:
            yield Batch(begin + at, begin + place, vectors=entries[at:place])
            size, at = 0, place
        size += own
    yield Batch(begin + at, end, vectors=entries[at:])


def send(
    work: Iterator[Batch],
    index: VectorsIndex,
    progress: Progress,
    pace: Pace,
    connections: int = CONNECTIONS,
    tell: Callable[[int], None] = lambda _: None,
) -> None:
    """Send all batches, those to put before those to delete.

    Args:
        work: the batches.
        index: where they go.
        progress: learns of each batch that was taken.
        pace: of vectors.
        connections: how many batches are on their way at most.
        tell: called with the operations of each batch that is done.

    Raises:
        ConflictError: another loader has taken the place of this one. Nothing is sent after that is known.
        StoreError: a batch failed; those on their way are finished first.
    """
    free = threading.Semaphore(connections)
    failed = threading.Event()

    def carry_out(batch: Batch) -> None:
        try:
            ready = partial(progress.may_send, batch.begin)
            if batch.vectors:
                index.put(batch.vectors, ready)
            else:
                index.delete(batch.keys, ready)
            progress.done(batch.begin, batch.end)
            tell(batch.end - batch.begin)
        except BaseException:
            failed.set()
            raise
        finally:
            free.release()

    futures: list[Future[None]] = []
    with ThreadPoolExecutor(connections, thread_name_prefix="vectors") as pool:
        deleting = False
        for batch in work:
            if batch.keys and not deleting:
                deleting = True
                _results(futures)  # what replaces an item comes before what is deleted
            pace.take(batch.end - batch.begin)
            free.acquire()
            if failed.is_set():
                break
            futures = [future for future in futures if not future.done() or future.exception()]
            futures.append(pool.submit(carry_out, batch))
    _results(futures)


def _results(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        future.result()
