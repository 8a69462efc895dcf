import io
import json

import pytest

from cdk.watching import metrics
from lambda_app.telemetry.formats import Metrics
from lambda_app.telemetry.vector_calls import VectorCalls


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.mark.parametrize(
    ("method", "metric"),
    [("throttled", metrics.VECTOR_SEARCH_THROTTLED), ("failed", metrics.VECTOR_SEARCH_FAILED)],
)
def test_a_call_that_did_not_succeed_is_a_data_point_of_the_service_and_stack(stream, method, metric):
    calls = VectorCalls()
    calls.write_to(Metrics("api", stream, stack="Lookalike"))
    getattr(calls, method)("QueryVectors", "items-ab", "TooManyRequestsException")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [{"Name": metric, "Unit": "Count"}]
    assert directive["Dimensions"] == [[metrics.DIMENSION, metrics.STACK_DIMENSION]]
    assert line[metric] == 1
    assert {name: line[name] for name in ("service", "stack", "action", "index", "reason")} == {
        "service": metrics.API,
        "stack": "Lookalike",
        "action": "QueryVectors",
        "index": "items-ab",
        "reason": "TooManyRequestsException",
    }


def test_a_process_without_metrics_writes_nothing(stream, capsys):
    calls = VectorCalls()
    calls.failed("QueryVectors", "items-ab", "408")
    calls.write_to(Metrics("api", stream))
    calls.write_to(None)
    calls.throttled("QueryVectors", "items-ab", "429")
    assert (stream.getvalue(), capsys.readouterr().out) == ("", "")
