import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from operate.drift import log_sources
from operate.drift.answers import LogError
from operate.drift.log_sources import file_lines, group_lines

GROUP = "/aws/lambda/lookalike-api"


def test_the_lines_of_a_file_and_of_a_gzipped_one_are_read(tmp_path):
    (tmp_path / "plain.log").write_text("one\ntwo\n")
    (tmp_path / "packed").write_bytes(gzip.compress(b"three\n\xff\n"))
    assert list(file_lines(tmp_path / "plain.log")) == ["one\n", "two\n"]
    assert list(file_lines(tmp_path / "packed")) == ["three\n", "\ufffd\n"]


def test_all_files_of_a_folder_are_read(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "000000.gz").write_bytes(gzip.compress(f"{name}\n".encode()))
    assert list(file_lines(tmp_path)) == ["a\n", "b\n"]


def test_a_cut_off_file_is_named(tmp_path):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x" * 9_000)[:20])
    with pytest.raises(LogError, match=r"cut\.gz cannot be read"):
        list(file_lines(tmp_path / "cut.gz"))


@pytest.fixture
def logs() -> Iterator[Any]:
    """A client of CloudWatch Logs with a log group of two streams."""
    with mock_aws():
        client = boto3.client("logs", region_name="us-east-1")
        client.create_log_group(logGroupName=GROUP)
        for stream in ("first", "second"):
            client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        yield client


NOW = datetime.now(UTC).replace(microsecond=0)


def put(logs: Any, stream: str, *events: tuple[timedelta, str]) -> None:
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=stream,
        logEvents=[{"timestamp": int((NOW + when).timestamp() * 1000), "message": text} for when, text in events],
    )


def test_the_lines_of_a_log_group_between_two_moments_are_read(logs):
    hour = timedelta(hours=1)
    put(logs, "first", (-3 * hour, "early"), (-2 * hour, "begin"), (-hour, "within"))
    put(logs, "second", (-hour, "also"), (0 * hour, "end"))
    assert set(group_lines(lambda: logs, GROUP, NOW - 2 * hour, NOW)) == {"begin", "within", "also"}


def test_all_pages_of_a_log_group_are_read(logs):
    put(logs, "first", *((timedelta(seconds=number - 12_000), str(number)) for number in range(9_000)))
    put(logs, "second", *((timedelta(seconds=number - 12_000), str(number)) for number in range(9_000, 11_000)))
    found = list(group_lines(lambda: logs, GROUP, NOW - timedelta(days=1), NOW))
    assert sorted(found, key=int) == [str(number) for number in range(11_000)]


def test_too_many_lines_are_refused(logs, monkeypatch):
    monkeypatch.setattr(log_sources, "MOST_EVENTS", 2)
    put(logs, "first", *((timedelta(seconds=-number), "x") for number in (3, 2, 1)))
    with pytest.raises(LogError, match="more than 2 lines about photos; ask for fewer days"):
        list(group_lines(lambda: logs, GROUP, NOW - timedelta(days=1), NOW))


def test_an_unknown_log_group_is_named(logs):
    with pytest.raises(LogError, match="/aws/lambda/other is no file, and the log group"):
        list(group_lines(lambda: logs, "/aws/lambda/other", NOW - timedelta(days=1), NOW))
