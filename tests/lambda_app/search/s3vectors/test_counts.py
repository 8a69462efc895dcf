"""What the alarms on a vector index count, by calls of the real client."""

import io
import json
from collections import Counter

import pytest

from cdk.watching import metrics
from lambda_app.errors import SearchUnavailableError
from lambda_app.search.s3vectors.index import ExpiredPageError, SearchedIndex
from lambda_app.search.s3vectors.schema import index_settings
from lambda_app.telemetry.formats import Metrics
from lambda_app.telemetry.vector_calls import calls
from tests.s3vectors.server import VECTOR_BUCKET

NAME = "items-0123456789abcdef"
QUERY = {"queryVector": {"float32": [1.0, 0.0, 0.0, 0.0]}, "topK": 3}


@pytest.fixture
def written():
    stream = io.StringIO()
    calls.write_to(Metrics("api", stream))
    yield stream
    calls.write_to(None)


@pytest.fixture
def index(s3vectors):
    client = s3vectors.client()
    client.create_index(vectorBucketName=VECTOR_BUCKET, indexName=NAME, **index_settings(4))
    found = SearchedIndex(VECTOR_BUCKET, NAME, client, sleep=lambda seconds: None)
    yield found
    found.pool.shutdown()


def counted(written):
    """How often each metric was written with each reason."""
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    names = {metrics.VECTOR_SEARCH_THROTTLED, metrics.VECTOR_SEARCH_FAILED}
    return Counter((name, line["reason"], line["action"]) for line in lines for name in names & set(line))


def test_each_throttled_call_that_is_sent_again_is_counted_and_a_timeout_is_not(s3vectors, index, written):
    s3vectors.faults.fail("TooManyRequestsException", calls=2, operation="QueryVectors")
    assert index.query(QUERY)["vectors"] == []
    s3vectors.faults.fail("ServiceUnavailableException", calls=1, operation="GetVectors")
    assert index.get(["a"], vectors=False) == {}
    s3vectors.faults.fail("RequestTimeoutException", calls=1, operation="QueryVectors")
    assert index.query(QUERY)["vectors"] == []
    assert counted(written) == {
        (metrics.VECTOR_SEARCH_THROTTLED, "TooManyRequestsException", "QueryVectors"): 2,
        (metrics.VECTOR_SEARCH_THROTTLED, "ServiceUnavailableException", "GetVectors"): 1,
    }


def test_a_refused_search_is_counted_once_as_failed(s3vectors, index, written):
    s3vectors.faults.fail("AccessDeniedException", calls=1, operation="QueryVectors")
    with pytest.raises(SearchUnavailableError):
        index.query(QUERY)
    assert counted(written) == {(metrics.VECTOR_SEARCH_FAILED, "AccessDeniedException", "QueryVectors"): 1}


def test_a_connection_that_breaks_for_too_long_is_a_failed_search_with_the_name_of_its_error(s3vectors, index, written):
    s3vectors.faults.drop(calls=None, operation="QueryVectors")
    times = iter(range(0, 1_000, 2))
    late = SearchedIndex(VECTOR_BUCKET, NAME, index.client, clock=lambda: next(times), sleep=lambda _: None)
    with pytest.raises(SearchUnavailableError):
        late.query(QUERY)
    ((name, reason, _),) = counted(written)
    assert name == metrics.VECTOR_SEARCH_FAILED
    assert reason == "ConnectionClosedError"


def test_a_page_that_expired_is_not_counted_because_the_query_is_sent_again(index, written):
    with pytest.raises(ExpiredPageError):
        index.query({**QUERY, "nextToken": "unknown"})
    assert counted(written) == {}
