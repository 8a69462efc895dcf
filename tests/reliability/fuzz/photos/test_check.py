from dataclasses import replace
from pathlib import Path

import pytest

from reliability.fuzz.photos import check
from reliability.fuzz.photos.kinds import HostilePhoto
from reliability.fuzz.photos.volley import Volley
from reliability.fuzz.service import Reply, Target
from tests.reliability.fuzz.fake_server import CLOSE, fake_server

SMALL = check.Size(numbered=10, step=40, random=10, settling=10, watched=5, bombs=False)
PHOTO = HostilePhoto("bits-2", b"hostile", "image/png")


def missed(report) -> set[str]:
    return {row.measure for row in report.rows if row.met is False}


def test_a_server_that_refuses_everything_fails_for_the_good_photo_alone(tmp_path: Path):
    with fake_server(lambda *_: (422, b"{}")) as target:
        volley = Volley(target, b"good", tmp_path / "kept")
        check.attack(volley, SMALL)
    report = check.report(volley, SMALL)
    assert missed(report) == {"answers to a good photo that changed"}
    assert volley.sent >= 20
    assert not (tmp_path / "kept").exists()


def test_errors_of_the_server_are_counted_and_the_files_are_kept(tmp_path: Path):
    with fake_server(lambda *_: (500, b"{}")) as target:
        volley = Volley(target, b"good", tmp_path / "kept")
        check.attack(volley, SMALL)
    assert "answered 5xx" in missed(check.report(volley, SMALL))
    assert volley.failed == volley.sent
    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    assert kept["random-0-answered-500"] == b""  # the smallest that Hypothesis finds
    assert any(name.startswith("truncated-1-") for name in kept)


def test_a_dropped_connection_is_counted_and_the_file_is_kept(tmp_path: Path):
    with fake_server(lambda *_: (CLOSE, b"")) as target:
        volley = Volley(target, b"good", tmp_path)
        assert volley.send(PHOTO) == ["dropped"]
    assert (tmp_path / "bits-2-dropped").read_bytes() == b"hostile"
    assert "connections dropped" in missed(check.report(volley_with_memory(volley), SMALL))


class SlowTarget(Target):
    """Every answer takes the next of these processor times."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = iter(seconds)

    def send(self, *args, **kwargs) -> Reply:
        return Reply(200, b"{}", next(self._seconds))


@pytest.mark.parametrize(("seconds", "slow"), [((3.0, 4.0, 2.1), 1), ((3.0, 0.5), 0), ((1.9,), 0)])
def test_a_photo_is_slow_if_three_tries_are(tmp_path: Path, seconds: tuple[float, ...], slow: int):
    volley = Volley(SlowTarget(*seconds), b"good", tmp_path)
    assert volley.send(PHOTO) == ["slow"] * slow
    assert volley.slow == slow
    assert volley.slowest == (min(seconds), "bits-2")


def test_memory_that_grows_misses_the_goal(tmp_path: Path):
    volley = volley_with_memory(Volley(SlowTarget(), b"good", tmp_path), growth=40)
    assert {name.partition(",")[0] for name in missed(check.report(volley, SMALL))} == {
        "hostile photos sent",
        "server memory",
    }


def volley_with_memory(volley: Volley, growth: int = 0) -> Volley:
    return replace(volley, resident=[(100 + growth * step) << 20 for step in range(8)])


def test_a_batch_must_answer_for_the_good_photo(tmp_path: Path):
    answers = {"/predict/batch": b'{"entries":[]}'}
    with fake_server(lambda method, path, body: (200, answers.get(path, b"{}"))) as target:
        volley = Volley(target, b"good", tmp_path)
        for _ in range(8):
            volley.send(PHOTO)
    assert volley.spoilt == 1


@pytest.mark.slow
def test_the_slice_meets_its_goals():
    report = check.run(quick=True)
    assert missed(report) == set()
    assert report.rows[0].ours.median >= 200
    assert all(row.ours.median > 50 for row in report.rows[1:3])  # photos that are taken and photos that are refused
