"""Tests of `benchmarks.processes.timings`."""

from benchmarks.processes.timings import PARTS, parse_timings
from lambda_app.telemetry.timings import Timings


def test_the_timings_of_the_service_are_parsed():
    clock = iter([0.0, 1.0, 1.002, 2.0, 2.05, 3.0, 3.001, 4.0]).__next__
    timings = Timings(clock)
    for part in PARTS:
        with timings.measure(part):
            pass
    assert parse_timings(timings.server_timing()) == {"decode": 2.0, "forward": 50.0, "search": 1.0, "total": 4000.0}


def test_an_empty_header_has_no_timings():
    assert parse_timings("") == {}
