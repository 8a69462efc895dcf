"""Tests of `benchmarks.bench.load`, and of how `request` and `reload` use its answers."""

import pytest

from benchmarks.bench.load import Burst, ask
from benchmarks.bench.reload import Swap, make_other, swap
from benchmarks.bench.request import Block, fill
from benchmarks.inputs.photos import make_photo
from benchmarks.processes import server
from benchmarks.processes.server import Answer, form
from lambda_app.store.folder import FolderStore


def answer(begun: float, seconds: float, release: str = "old", status: int = 200, **timings: float) -> Answer:
    return Answer(status, begun, seconds, timings, release)


def test_a_burst_reports_its_rate_failures_and_percentiles():
    burst = Burst([answer(0, second / 10) for second in range(1, 11)] + [answer(0, 1.1, status=500)], 2.0, 1.5)
    assert (burst.rate, burst.failed) == (5.5, 1)
    assert burst.latency(50) == pytest.approx(600)
    assert burst.latency(99) == pytest.approx(1090)


def test_the_rest_of_a_block_is_the_time_outside_the_measured_parts():
    times = {"decode": 10.0, "forward": 50.0, "search": 1.0, "total": 62.0}
    block = Block([Answer(200, 0.0, seconds, times, "old") for seconds in (0.064, 0.066, 0.065)], busy=1.0)
    assert block.part("forward") == 50.0
    assert block.rest() == pytest.approx(4.0)
    assert block.rate == pytest.approx(3 / 0.195)


def test_a_swap_lasts_from_the_pointer_move_to_the_first_answer_of_the_new_release():
    answers = [
        answer(0.0, 0.4),
        answer(0.5, 0.6),  # in progress when the pointer moved
        answer(1.1, 0.5),
        answer(1.6, 0.4, "new"),
        answer(1.7, 0.5, "new"),  # sent before the first answer of the new release
        answer(2.1, 0.3, "new"),
    ]
    found = Swap(Burst(answers, 3.0, 1.0), moved=1.0, release="new")
    assert found.live == pytest.approx(2.0)
    assert found.during() == answers[1:5]
    assert found.usual() == answers[:1]


def test_a_release_that_never_answers_is_an_error():
    with pytest.raises(RuntimeError, match="new did not go live"):
        _ = Swap(Burst([answer(0.0, 0.4)], 1.0, 1.0), moved=0.1, release="new").live


@pytest.mark.slow
def test_clients_see_a_new_release_go_live_without_failures(release, tmp_path):
    body = form(make_photo((320, 240)))
    store = FolderStore(tmp_path / "store")
    fill(tmp_path / "store", release)
    other = make_other(release, tmp_path / "other")
    with server.ours(str(store), LOOKALIKE_RELOAD_SECONDS="0") as ours:
        ask(ours.wait(), body, clients=1, seconds=0.1)
        found = swap(ours, body, store, tmp_path / "other", other, before=0.3, seconds=2.0)
    assert found.burst.failed == 0
    assert {each.release for each in found.burst.answers} == {release.manifest.release, other.release}
    assert found.live > found.moved
    assert found.burst.cores > 0
