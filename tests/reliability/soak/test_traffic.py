import asyncio
import time

import pytest

from reliability.soak import traffic
from reliability.soak.load.connection import request
from reliability.soak.load.visits import NOTHING, Visit
from reliability.soak.traffic import Traffic
from tests.reliability.soak.load.fixed_server import answering
from tests.reliability.soak.quick import counts, missed


@pytest.mark.slow
def test_mixed_traffic_gets_the_expected_answers():
    report = traffic.run(quick=True)
    assert missed(report, "growth") == [], report.notes
    assert counts(report, "requests")[0] > 40
    assert counts(report, "releases that went live meanwhile")[0] >= 1


@pytest.mark.parametrize(
    ("answer", "expected", "unexpected"),
    [
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 200, ["a visit: 500, expected 200"]),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, []),
        (b"", 200, ["a visit: 0, expected 200"]),
        (b"", NOTHING, []),
    ],
)
def test_an_unexpected_answer_is_noted(answer: bytes, expected: int, unexpected: list[str]):
    kind = Visit("a visit", [request("GET", "/")], expected)

    async def visit() -> Traffic:
        seen = Traffic()
        async with answering(answer) as port:
            await traffic.client([kind], port, time.monotonic(), 0, seen)
        return seen

    seen = asyncio.run(visit())
    assert seen.unexpected == unexpected
    assert len(seen.seconds["a visit"]) == 1
