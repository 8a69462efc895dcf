"""A loader that is stopped for long goes on when another one has taken its place."""

from collections.abc import Callable
from typing import Any

import pytest

from lambda_app.catalogue.vectors.bookkeeping import stored_state
from lambda_app.catalogue.vectors.loading import SILENT
from lambda_app.errors import ConflictError
from lambda_app.release.manifest import Manifest
from tests.catalogue_changes import NOW
from tests.lambda_app.catalogue.vectors.conftest import Kept
from tests.lambda_app.catalogue.vectors.indexed import check_equal, client_of, index_of, loader, stored
from tests.s3vectors.server import S3VectorsServer


class Stopping:
    """A client that runs something else before one of its calls is sent, as if the process was stopped there."""

    def __init__(self, real: Any, method: str, at: int, meanwhile: Callable[[], None]) -> None:
        self._real, self._method, self._left, self._meanwhile = real, method, at, meanwhile

    def __getattr__(self, name: str) -> Any:
        send = getattr(self._real, name)

        def stopped(**arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._meanwhile()
            return send(**arguments)

        return stopped if name == self._method else send


@pytest.fixture
def releases(kept: Kept, s3vectors: S3VectorsServer, small_batches: int) -> tuple[Manifest, Manifest]:
    """The release that the loader is stopped in, and the one after it; the index holds the first of all."""
    loader(kept.store).bring(index_of(s3vectors, kept.first), kept.first)
    second = kept.follow(kept.first, segments=[kept.new(20, "x")], dead=range(20))
    return second, kept.follow(kept.first, segments=[kept.new(3, "y")], dead=range(30, 36))


@pytest.mark.parametrize(("method", "at"), [("put_vectors", 2), ("delete_vectors", 1), ("delete_vectors", 3)])
def test_what_a_stopped_loader_sends_late_is_noted_and_repaired(
    kept: Kept, s3vectors: S3VectorsServer, releases: tuple[Manifest, Manifest], method: str, at: int
):
    (second, third), clock = releases, [NOW]

    def meanwhile() -> None:
        clock[0] += 2 * SILENT
        loader(kept.store, later=2 * SILENT).bring(index_of(s3vectors, kept.first), third)
        right.update(stored(s3vectors, index_of(s3vectors, kept.first)))

    right: set[str] = set()
    late = index_of(s3vectors, kept.first)
    late.client = Stopping(client_of(s3vectors), method, at, meanwhile)
    with pytest.raises(ConflictError, match="another loader works on index items-"):
        loader(kept.store, now=lambda: clock[0]).bring(late, second)
    index = index_of(s3vectors, kept.first)
    state, _ = stored_state(kept.store, index.name)
    assert state is not None
    assert state.loading is not None
    assert (state.release, state.loading.between) == (third.release, (second.release,))
    assert stored(s3vectors, index).keys() != right  # the late batch has done harm
    loader(kept.store, later=2 * SILENT).bring(index, third)
    check_equal(s3vectors, index, kept.store, third)


def test_a_loader_that_was_stopped_sends_nothing_more(
    kept: Kept, s3vectors: S3VectorsServer, releases: tuple[Manifest, Manifest]
):
    (second, third), clock = releases, [NOW]
    late = index_of(s3vectors, kept.first)
    real, calls = late.put, [0]

    def put(vectors: Any, *ready: Any) -> None:
        calls[0] += 1
        if calls[0] == 2:  # stopped before it looks whether it may send
            clock[0] += 2 * SILENT
            loader(kept.store, later=2 * SILENT).bring(index_of(s3vectors, kept.first), third)
        real(vectors, *ready)

    late.put = put  # type: ignore[method-assign, assignment]
    with pytest.raises(ConflictError):
        loader(kept.store, now=lambda: clock[0]).bring(late, second)
    check_equal(s3vectors, late, kept.store, third)
    state, _ = stored_state(kept.store, late.name)
    assert state is not None
    assert state.loading is None


def test_a_try_that_is_sent_again_after_a_long_stop_is_not_sent(
    kept: Kept, s3vectors: S3VectorsServer, releases: tuple[Manifest, Manifest]
):
    (second, third), clock = releases, [NOW]

    def sleep(_seconds: float) -> None:
        clock[0] += 2 * SILENT
        s3vectors.faults.clear()
        loader(kept.store, later=2 * SILENT).bring(index_of(s3vectors, kept.first), third)

    late = index_of(s3vectors, kept.first, sleep=sleep)
    s3vectors.faults.fail("TooManyRequestsException", calls=1, operation="PutVectors", skip=1)
    with pytest.raises(ConflictError):
        loader(kept.store, now=lambda: clock[0]).bring(late, second)
    check_equal(s3vectors, late, kept.store, third)
