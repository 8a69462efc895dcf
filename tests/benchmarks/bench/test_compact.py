import pytest

from benchmarks.bench import compact
from benchmarks.bench.request import Block
from benchmarks.processes.server import Answer


def block(seconds):
    answers = [Answer(200, 0.0, seconds, {"decode": 2.0, "forward": 1000 * seconds - 5, "search": 1.0}, "r")] * 3
    return Block(answers, 1.0)


def test_the_cost_is_that_of_memory_and_time_and_of_the_requests():
    rows = compact._rows("small", 10.0, [block(0.02)] * 3, [block(0.05)] * 3, [block(0.4)] * 3)
    rate, _, forward, cost = rows
    assert rate.ours.median == pytest.approx(50)
    assert rate.baseline is not None
    assert rate.ours.median / rate.baseline.median == pytest.approx(20)
    assert forward.ours.median == pytest.approx(15)
    # docs/aws.md: 1,000,000 x seconds x 2.9375 GB x 0.0000166667, and 0.20 for the requests
    assert cost.ours.median == pytest.approx(0.979 + 0.20, abs=0.001)
