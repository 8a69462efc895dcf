import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from reliability.soak.load.arrivals import Load, Plan, Sent, moments
from tests.reliability.soak.load.fixed_server import answering

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


def test_requests_arrive_at_the_rate_at_random_moments():
    found = list(moments(100, 50))
    assert len(found) == pytest.approx(5000, rel=0.05)
    assert found == sorted(found)
    assert found == list(moments(100, 50))
    gaps = [after - before for before, after in pairwise(found)]
    assert sum(gap < 0.01 for gap in gaps) / len(gaps) == pytest.approx(1 - 1 / 2.718, abs=0.03)  # exponential


@pytest.fixture
def body(tmp_path: Path) -> str:
    (tmp_path / "body").write_bytes(b"a photo")
    return str(tmp_path / "body")


def sent(answer: bytes, body: str, **plan) -> list[Sent]:
    async def run() -> list[Sent]:
        async with answering(answer) as port:
            load = Load(Plan(port, "/predict", "image/png", body, **plan))
            await load.run()
            return load.sent

    return asyncio.run(run())


def test_arrivals_probes_and_the_client_afterwards_are_told_apart(body: str):
    found = sent(OK, body, seconds=0.3, rate=100.0, probes=("/healthcheck",), after=0.1)
    assert {one.status for one in found} == {200}
    assert sum(one.what == "load" for one in found) == len(list(moments(100, 0.3)))
    assert {one.what for one in found} == {"load", "/healthcheck", "after"}
    assert min(one.due for one in found if one.what == "after") >= 0.2


def test_refusals_and_missing_answers_are_counted(body: str):
    refused = sent(BUSY, body, seconds=0.1, clients=2)
    assert {(one.status, one.retry_after) for one in refused} == {(503, True)}
    assert {one.status for one in sent(b"", body, seconds=0.1, clients=1)} == {0}
