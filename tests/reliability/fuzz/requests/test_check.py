import json
from collections import Counter
from typing import Any

import pytest

from reliability.fuzz.requests import check
from tests.reliability.fuzz.fake_server import fake_server

SMALL = check.Size(cases=5, examples=5, phases="fuzzing")
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "shop", "version": "1"},
    "paths": {"/items": {"get": {"responses": {"200": {"description": "found"}}}}},
}


def missed(report) -> list[str]:
    return [row.measure for row in report.rows if row.met is False]


def outcome(**changes: Any) -> check.Outcome:
    sound: dict[str, Any] = {
        "cases": 9,
        "statuses": Counter({200: 6, 501: 3}),
        "failures": [],
        "operations": (2, 2),
        "output": "",
    }
    return check.Outcome(**sound | changes)


def test_a_sound_run_meets_the_goals():
    assert missed(check.report([outcome()], SMALL)) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"failures": [{"title": "Server error", "count": 2, "operations": ["GET /items"]}]}, "failures of its checks"),
        ({"statuses": Counter({200: 5, 503: 1})}, "answered 5xx other than 501: no uploads into a folder"),
        ({"operations": (1, 2)}, "operations of the document that were not tested"),
        ({"cases": 2}, "cases that schemathesis checked"),
    ],
)
def test_what_goes_wrong_misses_its_goal(changes: dict[str, Any], says: str):
    assert missed(check.report([outcome(**changes)], SMALL)) == [says]


@pytest.mark.slow
def test_a_server_error_is_a_failure():
    def answer(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        return (200, json.dumps(DOCUMENT).encode()) if path == "/openapi.json" else (500, b"{}")

    with fake_server(answer) as target:
        found = check.attack(f"http://127.0.0.1:{target.port}", ["Home"], SMALL, seed=1)
    assert "Server error" in {failure["title"] for failure in found.failures}
    assert found.statuses[500] > 0
    assert "curl" in found.output


@pytest.mark.slow
def test_the_slice_meets_its_goals():
    report = check.run(quick=True)
    assert missed(report) == []
    assert report.rows[0].ours.median >= 300
    assert {"  answered 200", "  answered 422", "  answered 404"} <= {row.measure for row in report.rows}
