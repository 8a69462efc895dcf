"""One core for the server and another for its clients, so that what the clients cost is not the server's loss."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def two_cores() -> tuple[set[int], set[int]]:
    """A core for the server and one for the clients; the same cores for both if this process may use only one."""
    cores = sorted(os.sched_getaffinity(0))
    return ({cores[0]}, {cores[1]}) if len(cores) > 1 else (set(cores), set(cores))


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Processes that are started within the block run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
