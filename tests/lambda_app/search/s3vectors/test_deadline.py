import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lambda_app.errors import SearchUnavailableError
from lambda_app.release.catalog import CatalogFilter
from lambda_app.search.s3vectors.deadline import deadline, one_deadline
from lambda_app.search.s3vectors.engine import S3VectorsEngine
from lambda_app.search.s3vectors.index import SECONDS, SearchedIndex
from tests.lambda_app.search.s3vectors.conftest import COUNT, DIM, Held, Slept
from tests.s3vectors.server import S3VectorsServer

QUERY = np.eye(1, DIM, dtype=np.float32)[0]
ALL = CatalogFilter()


def test_the_time_of_a_request_begins_with_its_first_call_and_others_have_their_own():
    now = [0.0]

    def until() -> float:
        return deadline(lambda: now[0], 5.0)

    with one_deadline():
        now[0] = 3.0
        assert until() == 8.0
        now[0] = 4.0
        assert until() == 8.0
        with one_deadline():
            assert until() == 9.0
        assert until() == 8.0
    now[0] = 6.0
    assert until() == 11.0


ASKED: dict[str, Callable[[S3VectorsEngine], Any]] = {
    "stored": lambda engine: engine.stored(["photo-001"]),
    "items": lambda engine: engine.items(["photo-001"]),
    "search": lambda engine: engine.searches(QUERY, [ALL], 10),
    "searches": lambda engine: engine.searches(QUERY, [ALL, CatalogFilter("sofas")], 10),
    "words": lambda engine: engine.by_words("velvet", ALL),
    "both": lambda engine: engine.blended(QUERY, "velvet", ALL, {}),
    "page": lambda engine: engine.page(ALL, 0, 10, one_per_product=False),
}


@pytest.mark.parametrize("second", ASKED)
def test_the_calls_of_a_request_share_its_time(held: Held, s3vectors: S3VectorsServer, slept: Slept, second: str):
    s3vectors.faults.fail("TooManyRequestsException", calls=6)
    with one_deadline():
        held.engine.stored(["photo-000"])
        used = slept.now
        assert 2 < used < SECONDS
        s3vectors.faults.fail("TooManyRequestsException", calls=None)
        with pytest.raises(SearchUnavailableError):
            ASKED[second](held.engine)
        assert used < slept.now <= SECONDS
    with one_deadline(), pytest.raises(SearchUnavailableError):
        ASKED[second](held.engine)
    assert slept.now > SECONDS + 1  # another request has its own time


def test_a_search_that_goes_deeper_later_has_no_time_of_its_own(held: Held, slept: Slept):
    with one_deadline():
        (search,) = held.engine.searches(QUERY, [ALL], 10)
        slept.now += SECONDS + 0.1
        with pytest.raises(SearchUnavailableError, match="takes too long"):
            search.deepen()


def test_a_call_that_hangs_is_left_when_the_time_of_the_request_is_over(
    held: Held, slept: Slept, caplog: pytest.LogCaptureFixture
):
    answered = threading.Event()

    class Hanging:
        """Never answers before the end of the test."""

        def query_vectors(self, **_arguments: Any) -> dict[str, Any]:
            answered.wait()
            return {"vectors": []}

    index = SearchedIndex(held.index.bucket, held.index.name, Hanging(), clock=lambda: slept.now)
    engine = S3VectorsEngine(index, DIM, COUNT, COUNT)
    try:
        with one_deadline():
            index.until()
            slept.now += SECONDS - 0.05
            with pytest.raises(SearchUnavailableError, match="takes too long"):
                engine.searches(QUERY, [ALL], 10)
    finally:
        answered.set()
    assert "it waited for s3vectors:QueryVectors" in caplog.text
