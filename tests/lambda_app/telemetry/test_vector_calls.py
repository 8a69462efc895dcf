import io
import json
import logging

import pytest

from cdk.watching import metrics
from lambda_app.telemetry.formats import Metrics
from lambda_app.telemetry.observer import Observer
from lambda_app.telemetry.vector_calls import VectorCalls


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def calls(stream):
    return Observer(Metrics("api", stream, stack="Lookalike")).vector_calls


def written(stream):
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [(line["_aws"]["CloudWatchMetrics"][0]["Metrics"], line) for line in lines]


def test_only_a_throttled_call_that_is_sent_again_counts_for_the_alarm(calls, stream, caplog):
    calls.tried_again("QueryVectors", "items-ab", "RequestTimeoutException", throttled=False)
    assert stream.getvalue() == ""
    calls.tried_again("QueryVectors", "items-ab", "TooManyRequestsException", throttled=True)
    ((declared, line),) = written(stream)
    assert declared == [{"Name": metrics.VECTOR_SEARCH_THROTTLED, "Unit": "Count"}]
    assert (line[metrics.VECTOR_SEARCH_THROTTLED], line["index"], line["action"]) == (1, "items-ab", "QueryVectors")
    assert (line["service"], line["stack"]) == (metrics.API, "Lookalike")
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "QueryVectors of index items-ab is sent again: TooManyRequestsException" in caplog.text


def test_a_search_without_an_answer_is_an_error_and_counts(calls, stream, caplog):
    calls.gave_up("GetVectors", "items-ab", PermissionError("the role lacks s3vectors:GetVectors"))
    ((declared, line),) = written(stream)
    assert declared == [{"Name": metrics.VECTOR_SEARCH_FAILED, "Unit": "Count"}]
    assert line[metrics.VECTOR_SEARCH_FAILED] == 1
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (
        logging.ERROR,
        "GetVectors of index items-ab failed: the role lacks s3vectors:GetVectors",
    )


def test_outside_a_lambda_there_is_a_log_line_and_no_metric(caplog, capsys):
    calls = VectorCalls()
    calls.tried_again("QueryVectors", "items-ab", "ServiceUnavailableException", throttled=True)
    calls.gave_up("QueryVectors", "items-ab", TimeoutError("5 s"))
    assert len(caplog.records) == 2
    assert capsys.readouterr().out == ""
