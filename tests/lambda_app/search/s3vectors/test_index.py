import logging

import pytest

from lambda_app.errors import SearchUnavailableError
from lambda_app.search.s3vectors.index import (
    SECONDS,
    ForbiddenIndexError,
    MissingIndexError,
    SearchedIndex,
)
from tests.lambda_app.search.s3vectors.conftest import Held, Slept
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

PASSING = (
    "TooManyRequestsException",
    "ServiceUnavailableException",
    "InternalServerException",
    "RequestTimeoutException",
)


def query(held: Held) -> dict:
    return {"queryVector": {"float32": held.vectors[0].tolist()}, "topK": 3}


@pytest.mark.parametrize("code", PASSING)
def test_what_may_pass_is_tried_again_with_growing_pauses(
    held: Held, s3vectors: S3VectorsServer, slept: Slept, code: str
):
    s3vectors.faults.fail(code, calls=3)
    assert len(held.index.query(query(held))["vectors"]) == 3
    assert slept == [0.05, 0.1, 0.2]


def test_a_connection_that_breaks_is_tried_again(held: Held, s3vectors: S3VectorsServer):
    s3vectors.faults.drop(calls=1)
    assert len(held.index.query(query(held))["vectors"]) == 3


def test_after_five_seconds_it_is_given_up(
    held: Held, s3vectors: S3VectorsServer, slept: Slept, caplog: pytest.LogCaptureFixture
):
    s3vectors.faults.fail("TooManyRequestsException", calls=None)
    with pytest.raises(SearchUnavailableError, match="does not answer, or is too busy"):
        held.index.query(query(held))
    assert SECONDS - 1 <= slept.now <= SECONDS
    assert max(slept) == 1.0
    (record,) = caplog.records
    assert held.index.name in record.message
    assert VECTOR_BUCKET in record.message


def test_a_try_that_would_end_too_late_is_not_begun(held: Held, s3vectors: S3VectorsServer, slept: Slept):
    class Slow:
        """Each call takes two seconds."""

        def query_vectors(self, **arguments):
            slept.now += 2.0
            return held.index.client.query_vectors(**arguments)

    s3vectors.faults.fail("ServiceUnavailableException", calls=None)
    slow = SearchedIndex(
        VECTOR_BUCKET, held.index.name, Slow(), clock=lambda: slept.now, sleep=slept.sleep, jitter=lambda: 1.0
    )
    with pytest.raises(SearchUnavailableError):
        slow.query(query(held))
    assert s3vectors.counts()["QueryVectors"] == 2
    assert slept.now <= SECONDS


def test_a_missing_right_is_not_tried_again_and_the_log_names_it(
    held: Held, s3vectors: S3VectorsServer, slept: Slept, caplog: pytest.LogCaptureFixture
):
    s3vectors.faults.fail("AccessDeniedException", calls=None)
    with pytest.raises(ForbiddenIndexError, match="the log names the missing right") as refused:
        held.index.query(query(held))
    assert slept == []
    assert "no right to s3vectors:QueryVectors on index items-" in caplog.text
    assert "need s3vectors:GetVectors" in caplog.text
    assert VECTOR_BUCKET not in str(refused.value)
    with pytest.raises(ForbiddenIndexError):
        held.index.check()


def test_a_missing_index_is_named(held: Held, caplog: pytest.LogCaptureFixture):
    other = SearchedIndex(VECTOR_BUCKET, "items-0000000000000000", held.index.client)
    for ask in (lambda: other.query(query(held)), lambda: other.get(["photo-000"], vectors=True), other.check):
        caplog.clear()
        with pytest.raises(MissingIndexError, match="the index of S3 Vectors is not loaded"):
            ask()
        assert "items-0000000000000000" in caplog.text
        assert "scripts/vectors load" in caplog.text


def test_a_busy_service_does_not_fail_the_check(
    held: Held, s3vectors: S3VectorsServer, slept: Slept, caplog: pytest.LogCaptureFixture
):
    s3vectors.faults.fail("TooManyRequestsException", calls=None)
    with caplog.at_level(logging.WARNING):
        held.index.check()
    assert slept == []
    assert "could not be checked" in caplog.text


def test_vectors_are_got_in_batches_in_the_order_asked_for(held: Held, s3vectors: S3VectorsServer):
    keys = [item.image_id for item in reversed(held.items)]
    found = held.index.get([*keys, "unknown", "", "x" * 1025], vectors=True)
    assert [*found] == keys
    assert s3vectors.counts()["GetVectors"] == 2
    assert found[keys[0]]["data"]["float32"] == pytest.approx(held.vectors[-1].tolist())
    assert "data" not in held.index.get(keys[:1], vectors=False)[keys[0]]


def test_a_request_that_is_refused_is_an_error_of_the_service_not_of_this_software(
    held: Held, caplog: pytest.LogCaptureFixture
):
    with pytest.raises(SearchUnavailableError, match="the log says why"):
        held.index.query({**query(held), "topK": 0})
    with pytest.raises(SearchUnavailableError, match="the log says why"):
        held.index.query({"queryVector": {"float32": [1.0]}, "topK": 3})
    assert "was refused" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"<html>busy</html>",
        b"",
        b"{}",
        b"[]",
        b'{"vectors": null}',
        b'{"vectors": "x"}',
        b'{"vectors": [{"key": "x"}]}',
    ],
)
def test_an_answer_that_is_none_of_the_service_is_an_error_of_the_service(
    held: Held, s3vectors: S3VectorsServer, monkeypatch: pytest.MonkeyPatch, body: bytes, slept: Slept
):
    real, calls = s3vectors._carried_out, iter(range(2))
    answer = (200, [("Content-Type", "application/json")], body)
    monkeypatch.setattr(
        s3vectors, "_carried_out", lambda *given: answer if next(calls, None) is not None else real(*given)
    )
    found = held.index.query({**query(held), "returnDistance": True})
    assert (len(found["vectors"]), slept) == (3, [0.05, 0.1])
    monkeypatch.setattr(s3vectors, "_carried_out", lambda *_: answer)
    with pytest.raises(SearchUnavailableError, match="does not answer"):
        held.index.query({**query(held), "returnDistance": True})
