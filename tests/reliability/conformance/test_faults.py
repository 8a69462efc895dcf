"""What the service answers while S3 Vectors is busy, slow, broken, or refuses: the same, or 503, but never 500."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx2
import pytest

from lambda_app.search.s3vectors.engine import S3VectorsEngine
from reliability.conformance.service.shop import Shop
from reliability.conformance.service.subject import Subject
from tests.reliability.conformance.conftest import serving_s3vectors
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

PASSING = ["TooManyRequestsException", "ServiceUnavailableException", "InternalServerException"]
PASSING += ["RequestTimeoutException"]
MOST_SECONDS = 5.0


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def served(started_s3vectors: S3VectorsServer, shop: Shop, tmp_path_factory) -> Iterator[Subject]:
    started_s3vectors.reset()
    with serving_s3vectors(started_s3vectors, shop, tmp_path_factory.mktemp("served") / "store") as subject:
        yield subject
        started_s3vectors.faults.clear()
        started_s3vectors.backend.denied.clear()


@pytest.fixture(autouse=True)
def no_faults(started_s3vectors: S3VectorsServer) -> Iterator[None]:
    backend = started_s3vectors.backend
    yield
    started_s3vectors.faults.clear()
    backend.denied.clear()
    backend.pages.sizes, backend.clock = (100,), lambda: 0.0


@pytest.fixture
def clock(served: Subject) -> Iterator[Clock]:
    """The engine waits in no time."""
    engine = served.recommender.engine
    assert isinstance(engine, S3VectorsEngine)
    own, clock = (engine.index.clock, engine.index.sleep), Clock()

    def put(now, sleep) -> None:
        # Of a frozen class, which the application holds already.
        object.__setattr__(engine.index, "clock", now)
        object.__setattr__(engine.index, "sleep", sleep)

    put(lambda: clock.now, clock.sleep)
    yield clock
    put(*own)


def asked(served: Subject, **params) -> httpx2.Response:
    """The items that are similar to an item: one call of GetVectors and one of QueryVectors."""
    path = f"/items/{quote(served.shop.items[30].image_id)}/similar"
    return served.client.get(path, params={"k": 10, **params})


def unavailable(answer: httpx2.Response) -> str:
    """The message of an answer that says that the search may work later."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    return answer.json()["detail"]


def test_searches_cost_one_query_each(served: Subject, started_s3vectors: S3VectorsServer):
    for ask, calls in (
        (lambda: asked(served), {"GetVectors": 1, "QueryVectors": 1}),
        (lambda: asked(served, category="Lamps", max_price=50), {"GetVectors": 1, "QueryVectors": 1}),
        (lambda: asked(served, k=20, distinct="image"), {"GetVectors": 1, "QueryVectors": 1}),
        (lambda: served.client.get("/search", params={"q": "crimson"}), {"QueryVectors": 1}),
        (lambda: served.client.get(f"/items/{quote(served.shop.items[0].image_id)}"), {"GetVectors": 1}),
    ):
        started_s3vectors.calls.clear()
        assert ask().status_code == 200
        assert started_s3vectors.counts() == calls


@pytest.mark.parametrize("code", PASSING)
def test_calls_that_fail_for_a_moment_are_sent_again(
    served: Subject, started_s3vectors: S3VectorsServer, clock: Clock, code: str
):
    expected = asked(served).json()
    started_s3vectors.faults.fail(code, calls=3)
    answer = asked(served)
    assert (answer.status_code, answer.json()) == (200, expected)
    assert 0 < clock.now < MOST_SECONDS


def test_a_page_that_fails_is_read_again(served: Subject, started_s3vectors: S3VectorsServer, clock: Clock):
    expected = asked(served, k=40, distinct="image").json()
    started_s3vectors.backend.pages.sizes = (15,)
    started_s3vectors.faults.fail("TooManyRequestsException", operation="QueryVectors", skip=1)
    assert asked(served, k=40, distinct="image").json() == expected


@pytest.mark.parametrize("after", [False, True])
def test_connections_that_break_are_made_again(
    served: Subject, started_s3vectors: S3VectorsServer, clock: Clock, after: bool
):
    expected = asked(served).json()
    started_s3vectors.faults.drop(calls=2, after=after)
    assert asked(served).json() == expected


def test_slow_answers_are_waited_for(served: Subject, started_s3vectors: S3VectorsServer):
    expected = asked(served).json()
    started_s3vectors.faults.slow(0.05, calls=2)
    assert asked(served).json() == expected


@pytest.mark.parametrize("code", PASSING)
def test_a_service_that_stays_busy_is_given_up_within_five_seconds(
    served: Subject, started_s3vectors: S3VectorsServer, clock: Clock, code: str
):
    started_s3vectors.calls.clear()
    started_s3vectors.faults.fail(code, calls=None)
    assert "too busy" in unavailable(asked(served))
    assert started_s3vectors.counts()["GetVectors"] > 3
    assert clock.now <= MOST_SECONDS


def test_a_service_that_breaks_every_connection_is_given_up(
    served: Subject, started_s3vectors: S3VectorsServer, clock: Clock
):
    started_s3vectors.faults.drop(calls=None)
    assert "does not answer" in unavailable(asked(served))
    assert clock.now <= MOST_SECONDS


@pytest.mark.parametrize("path", ["/search?q=crimson", "/items/x", "/items/x/similar"])
def test_every_route_says_that_the_search_is_unavailable(
    served: Subject, started_s3vectors: S3VectorsServer, clock: Clock, path: str
):
    started_s3vectors.faults.fail("ServiceUnavailableException", calls=None)
    unavailable(served.client.get(path))


def test_photos_and_recommendations_say_so_too(served: Subject, started_s3vectors: S3VectorsServer, clock: Clock):
    started_s3vectors.faults.fail("TooManyRequestsException", calls=None)
    photo = next(iter(served.shop.photos.values()))
    unavailable(served.client.post("/predict", files={"file": photo}))
    unavailable(served.client.post("/recommend", json={"liked": [served.shop.items[0].image_id]}))
    answer = served.client.post("/predict/category", files={"file": photo})
    assert answer.status_code == 200, "what needs no search is answered"


@pytest.mark.parametrize("action", ["s3vectors:QueryVectors", "s3vectors:GetVectors"])
def test_a_missing_right_is_named_in_the_log_alone(
    served: Subject, started_s3vectors: S3VectorsServer, caplog: pytest.LogCaptureFixture, action: str
):
    started_s3vectors.backend.denied = {action}
    with caplog.at_level(logging.ERROR):
        detail = unavailable(asked(served, max_price=50))
    assert action in caplog.text
    assert action not in detail
    assert VECTOR_BUCKET not in detail


@pytest.mark.parametrize("code", ["ExpiredTokenException", "InvalidSignatureException"])
def test_credentials_that_are_refused_are_no_fault_of_the_request(
    served: Subject, started_s3vectors: S3VectorsServer, code: str
):
    started_s3vectors.faults.fail(code, calls=None)
    unavailable(asked(served))


def test_a_page_token_that_expires_begins_the_query_again(served: Subject, started_s3vectors: S3VectorsServer):
    expected = asked(served, k=60, distinct="image").json()
    started_s3vectors.backend.pages.sizes = (25,)
    times = [0.0, 1000.0]
    started_s3vectors.backend.clock = lambda: times.pop(0) if len(times) > 1 else times[0]
    started_s3vectors.calls.clear()
    assert asked(served, k=60, distinct="image").json() == expected
    assert [call.status for call in started_s3vectors.calls].count(400) == 1


def test_page_tokens_that_always_expire_are_given_up(served: Subject, started_s3vectors: S3VectorsServer):
    started_s3vectors.backend.pages.sizes = (5,)
    times = iter(range(0, 10**9, 1000))
    started_s3vectors.backend.clock = lambda: float(next(times))
    unavailable(asked(served, k=60))


def test_an_index_that_is_gone_is_unavailable(started_s3vectors: S3VectorsServer, shop: Shop, tmp_path, caplog):
    started_s3vectors.reset()
    with serving_s3vectors(started_s3vectors, shop, tmp_path / "store") as subject:
        client = started_s3vectors.client()
        (index,) = client.list_indexes(vectorBucketName=VECTOR_BUCKET)["indexes"]
        client.delete_index(indexArn=index["indexArn"])
        with caplog.at_level(logging.ERROR):
            assert "not loaded" in unavailable(asked(subject))
        assert index["indexName"] in caplog.text
