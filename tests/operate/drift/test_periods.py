from datetime import date, timedelta

import pytest

from operate.drift.answers import LogError
from operate.drift.periods import periods
from tests.operate.drift.photos import LAST, RELEASE, answer, answers

OTHER = "20261001-120000-0a1b2c3d"


def test_the_last_days_are_judged_and_those_before_them_are_earlier():
    found = periods(answers(40, 2), 7, 28, None, lambda release: release == RELEASE)
    assert (found.first, found.last) == (date(2026, 11, 19), date(2026, 11, 25))
    assert len({one.day for one in found.now}) == 7
    assert {one.day for one in found.before} == {date(2026, 11, 18) - timedelta(days=day) for day in range(28)}


def test_an_earlier_week_can_be_judged():
    found = periods(answers(40, 2), 7, 28, date(2026, 11, 20), lambda release: release == RELEASE)
    assert max(one.day for one in found.now) == date(2026, 11, 20)


def test_what_is_left_out_is_counted():
    log = [answer(), answer(request_id="again"), answer(top_score=1.0), answer(cell=1), answer(release=OTHER)]
    found = periods(log, 7, 28, None, lambda release: release == RELEASE)
    assert (found.photos, len(found.now), found.repeated, found.own, found.others) == (4, 2, 1, 1, 1)


def test_each_release_is_looked_up_once():
    asked: list[str] = []

    def noted(release: str) -> bool:
        asked.append(release)
        return False

    periods([answer(LAST, release=OTHER)] * 3, 7, 28, None, noted)
    assert asked == [OTHER]


def test_a_log_without_photos_is_refused():
    with pytest.raises(LogError, match="no answer about a photo with a cell"):
        periods([], 7, 28, None, lambda release: True)
