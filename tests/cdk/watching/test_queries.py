"""Each field of a query must be a field of a line that the query reads: lines are made by the code that writes them."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest

from cdk.watching.queries import ACCESS, API, PROMOTER, QUERIES, TRAINING, Query
from lambda_app import promoter
from lambda_app.telemetry.formats import JsonFormatter, Metrics
from lambda_app.telemetry.observer import AnsweredRequest, Observer
from lambda_app.telemetry.vector_calls import calls
from tests.cdk.template import SynthesisedTemplate
from tests.lambda_events import BUCKET, object_created
from tests.s3_server import S3Server

Lines = list[dict[str, object]]
WORDS = {"fields", "filter", "sort", "limit", "stats", "desc", "asc", "by", "as", "like", "or", "and", "in"}
# A line of Step Functions (its guide, "Logging in CloudWatch Logs"), which this project does not write.
FLOW_LINE = {
    "id": "5",
    "type": "ExecutionFailed",
    "details": {"error": "SageMaker.TrainingFailed", "cause": "no GPU"},
    "previous_event_id": "4",
    "event_timestamp": "1764100000000",
    "execution_arn": "arn:aws:states:eu-west-1:123456789012:execution:flow:run-1",
    "redrive_count": "0",
}


class Kept(logging.Handler):
    """Keeps what the formatter writes."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter(service))
        self.lines: Lines = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


def api_lines() -> Lines:
    """What the API logs: an answer, a failed load, and an error that nothing handled."""
    stream, kept = io.StringIO(), Kept("api")
    log = logging.getLogger("lambda_app")
    log.addHandler(kept)
    level, log.level = log.level, logging.INFO
    try:
        observer = Observer(Metrics("api", stream))
        parts = {"decode": 1.0, "forward": 2.0, "search": 3.0}
        run = "11111111-2222-3333-4444-555555555555"
        observer.answered(AnsweredRequest("id", "r-1", "POST", "/predict", 200, "Shoes", 0.9, parts, 9.0, run))
        observer.failed_to_load("r-2", ValueError("damaged"))
        calls.write_to(Metrics("api", stream))
        calls.throttled("QueryVectors", "items-ab", "TooManyRequestsException")
        calls.failed("QueryVectors", "items-ab", "ReadTimeoutError")
    finally:
        calls.write_to(None)
        log.removeHandler(kept)
        log.setLevel(level)
    return [*kept.lines, *map(json.loads, stream.getvalue().splitlines())]


@pytest.fixture(scope="module")
def promoter_lines(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """What the promoter logs about a drop that is no archive."""
    root, patch = tmp_path_factory.mktemp("promoter"), pytest.MonkeyPatch()
    handlers, kept, printed = logging.getLogger().handlers[:], Kept("promoter"), io.StringIO()
    with closing(S3Server()) as server, patch.context() as env:
        for name, value in {
            "LOOKALIKE_STORE": f"s3://{BUCKET}",
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            env.setenv(name, value)
        env.setattr("tempfile.tempdir", str(root))
        env.setattr(sys, "stdout", printed)
        promoter._configured.cache_clear()
        promoter._configured()
        logging.getLogger().addHandler(kept)
        server.store("", root / "cache").write("drops/a.tar", b"no archive")
        answer = promoter.handler(object_created("drops/a.tar"), SimpleNamespace(aws_request_id="run"))
        assert answer["outcome"] == "refused"
    logging.getLogger().handlers[:] = handlers
    promoter._configured.cache_clear()
    return [*kept.lines, *map(json.loads, printed.getvalue().splitlines())]


@pytest.fixture
def lines(plain: SynthesisedTemplate, promoter_lines: Lines) -> dict[str, Lines]:
    access = json.loads(plain.one("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    return {ACCESS: [access], API: api_lines(), PROMOTER: promoter_lines, TRAINING: [FLOW_LINE]}


def fields_of(text: str) -> set[str]:
    """The fields that a query reads; those that begin with @ are CloudWatch's own."""
    bare = re.sub(r'"[^"]*"|/(?:\\.|[^/])+/', " ", text)
    made = set(re.findall(r"\bas (\w+)", bare))
    functions = set(re.findall(r"(\w+)\(", bare))
    return set(re.findall(r"(?<![@\w.])[A-Za-z_][\w.]*", bare)) - made - functions - WORDS - {"h"}


def names(line: dict[str, object], prefix: str = "") -> Iterator[str]:
    """The fields of a line, as Logs Insights calls them."""
    for key, value in line.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from names(value, f"{prefix}{key}.")


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_every_field_of_a_query_is_in_a_line_that_it_reads(query: Query, lines: dict[str, Lines]) -> None:
    known = {name for group in query.groups for line in lines[group] for name in names(line)}
    assert fields_of(query.text)
    assert fields_of(query.text) - known == set()
    for group in query.groups:
        assert fields_of(query.text) & {name for line in lines[group] for name in names(line)}, group


def test_the_words_that_queries_look_for_are_in_the_lines(lines: dict[str, Lines]) -> None:
    texts = {query.name: query.text for query in QUERIES}
    for name, group in (("refused-drops", PROMOTER), ("reload-failures", API)):
        (pattern,) = re.findall(r"message like /(.+?)/", texts[name])
        assert any(re.search(pattern, str(line.get("message", ""))) for line in lines[group]), name
    assert any(line.get("level") == "ERROR" and line.get("error") for line in lines[API])


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-25T10:00:00.000Z 1111 Task timed out after 29.00 seconds",
        "RequestId: 1111 Error: Runtime exited with error: signal: killed",
        "INIT_REPORT Init Duration: 10 ms Phase: invoke Status: error Error Type: Runtime.ImportModuleError",
    ],
)
def test_the_query_for_errors_finds_what_ends_a_process(line: str) -> None:
    (text,) = (query.text for query in QUERIES if query.name == "errors")
    (pattern,) = re.findall(r"@message like /(.+)/", text)
    assert re.search(pattern, line)


def test_the_queries_are_in_the_folder_of_the_stack_and_read_its_own_logs(plain: SynthesisedTemplate) -> None:
    made = {one["Name"]: one for one in plain.of_type("AWS::Logs::QueryDefinition").values()}
    assert set(made) == {f"Lookalike/{query.name}" for query in QUERIES}
    groups = set(plain.of_type("AWS::Logs::LogGroup"))
    for one in made.values():
        assert one["LogGroupNames"]
        assert set(one["LogGroupNames"]) <= groups
    assert len({name for one in made.values() for name in one["LogGroupNames"]}) == 4


def test_a_field_that_no_line_has_would_be_found() -> None:
    assert fields_of('filter mispelt = "Total" | stats max(Totl) as slowest by bin(1h)') == {"mispelt", "Totl"}
