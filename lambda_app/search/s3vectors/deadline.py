"""The time that all calls of one request to the service have together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class _Request:
    """A request. Its time begins with its first call, because a photo may take long to arrive and to decode."""

    until: float | None = None


_present: ContextVar[_Request | None] = ContextVar("request", default=None)


@contextmanager
def one_deadline() -> Iterator[None]:
    """All calls that are made inside, in this thread, share one deadline. One inside another has its own."""
    token = _present.set(_Request())
    try:
        yield
    finally:
        _present.reset(token)


def deadline(clock: Callable[[], float], seconds: float) -> float:
    """When the calls of the present request must have ended; outside of requests, so many seconds from now.

    Args:
        clock: seconds.
        seconds: from the first call of a request on.
    """
    request = _present.get()
    if request is None:
        return clock() + seconds
    if request.until is None:
        request.until = clock() + seconds
    return request.until
