import json
import logging
import time
from datetime import UTC, date, datetime

import pytest

from lambda_app.telemetry.formats import JsonFormatter, PlainFormatter
from lambda_app.telemetry.observer import AnsweredPhoto
from operate.drift.answers import Answer, answers_in

PHOTO = AnsweredPhoto("Bücher & Musik", 7, 0.8123456, False)
RELEASE = "20261126-051229-ce183561"
MOMENT = datetime(2026, 11, 25, 23, 30, 0, 250_000, UTC)


def record(**changes) -> logging.LogRecord:
    extra = {"request_id": "abc-1", "release": RELEASE, **PHOTO.fields(), **changes}
    made = logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, "POST /predict 200", (), None, extra=extra)
    made.created, made.msecs = MOMENT.timestamp(), 250.0
    return made


def line(**changes) -> str:
    return JsonFormatter("api").format(record(**changes))


EXPECTED = Answer(MOMENT, "abc-1", RELEASE, "Bücher & Musik", 7, 0.812346, False)


def test_a_line_of_lambda_is_read():
    assert list(answers_in([line()])) == [EXPECTED]
    assert EXPECTED.day == date(2026, 11, 25)


def test_lines_of_an_export_and_of_the_command_line_tool_are_read():
    exported = f"2026-11-25T23:30:00.251Z {line()}\n"
    tailed = f"2026-11-25T23:30:00.251000+00:00 2026/11/25/[7]0a1b {line()}\n"
    event = {"timestamp": 1, "message": line() + "\n", "eventId": "1"}
    filtered = json.dumps({"events": [event, event]}, indent=4).splitlines()
    assert list(answers_in([exported, tailed, *filtered])) == [EXPECTED] * 4
    assert list(answers_in([json.dumps({"events": [event, event]})])) == [EXPECTED] * 2


def test_a_line_of_scripts_serve_is_read_in_local_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        plain = PlainFormatter().format(record())
        assert plain.startswith("2026-11-26 08:30:00,250 ")
        assert list(answers_in([plain])) == [EXPECTED]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_answer_without_a_search_has_no_score():
    (answer,) = answers_in([line(top_score=None)])
    assert answer.top_score is None
    assert not answer.own_photo


def test_a_photo_of_the_catalogue_is_recognised():
    (own,), (other,) = (list(answers_in([line(top_score=score)])) for score in (0.999931, 0.99))
    assert (own.own_photo, other.own_photo) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "START RequestId: 1",
        line(cell=None),
        line(cell="7"),
        line(category=None),
        line(filtered=None),
        line(top_score=7.5),
        line(top_score="high"),
        line(release="../../live"),
        line()[:-20],
        '{"cell": 1, "time": ["2026-11-25"]}',
        '"cell" {' * 3,
        '[{"cell": 1}]',
        '{"cell":' * 5_000,
        '{"message": "{\\"cell\\": 1}"}',
        line().replace("2026-11-25T23:30:00.250+00:00", "2026-13-25T23:30:00"),
    ],
)
def test_other_and_damaged_lines_are_passed_over(text: str):
    assert list(answers_in([text, line()])) == [EXPECTED]
