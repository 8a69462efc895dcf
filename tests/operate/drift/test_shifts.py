from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from operate.drift.answers import Answer
from operate.drift.samples import Sample, of_answers, of_reference, unlike_below
from operate.drift.shifts import FEWEST_PHOTOS, Shift, compare, interval_of_share
from tests.operate.drift.photos import CATEGORIES, CELLS, answers, reference, usual

REFERENCE = reference(600)
BEFORE = answers(28, 70, seed=1, before=7)


def shifts(now: list[Answer], before: Sample | None = None) -> dict[str, Shift]:
    earlier = before or of_answers(BEFORE, CATEGORIES)
    found = compare(earlier, of_answers(now, CATEGORIES), len(CATEGORIES), CELLS, unlike_below(REFERENCE))
    return {shift.kind.name: shift for shift in found}


def verdicts(found: dict[str, Shift]) -> list[str]:
    return [shift.verdict for shift in found.values()]


@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("before", [None, of_reference(REFERENCE)], ids=["days before", "reference"])
def test_a_week_like_the_others_is_no_drift(seed: int, before: Sample | None):
    found = shifts(answers(7, 100, seed=seed), before)
    assert verdicts(found) == ["no sign"] * 4
    assert all(shift.low == 0 for shift in found.values())


def other_mix(random: np.random.Generator, day: int) -> dict[str, Any]:
    photo = usual(random, day)
    return {**photo, "category": "Books", "cell": 2} if random.random() < 0.35 else photo


def less_alike(random: np.random.Generator, day: int) -> dict[str, Any]:
    photo = usual(random, day)
    return {**photo, "top_score": photo["top_score"] - 0.1}


def unknown(random: np.random.Generator, day: int) -> dict[str, Any]:
    photo = usual(random, day)
    return {**photo, "top_score": 0.2 + random.random() / 10} if random.random() < 0.1 else photo


def alike(random: np.random.Generator, day: int) -> dict[str, Any]:
    photo = usual(random, day)
    return {**photo, "top_score": photo["top_score"] + 0.1}


def test_another_mix_moves_categories_and_cells_alone():
    found = shifts(answers(7, 100, other_mix))
    assert verdicts(found) == ["retrain", "retrain", "no sign", "no sign"]
    assert found["categories"].low < 0.35 * 0.75 < found["categories"].high
    assert found["categories"].value == pytest.approx(0.35 * 0.75, abs=0.06)


def test_photos_less_like_the_catalogue_move_the_scores():
    found = shifts(answers(7, 100, less_alike))
    assert verdicts(found)[:3] == ["no sign", "no sign", "retrain"]
    assert found["top scores"].low < 0.38 < found["top scores"].high  # of two normal distributions one deviation apart


def test_unknown_products_resemble_nothing():
    found = shifts(answers(7, 100, unknown))
    assert found["unlike anything"].verdict == "retrain"
    assert found["unlike anything"].low < 0.1 < found["unlike anything"].high


def test_photos_more_like_the_catalogue_are_no_reason_to_retrain():
    assert verdicts(shifts(answers(7, 100, alike))) == ["no sign"] * 4


def test_days_that_differ_among_themselves_are_no_drift():
    def campaign(random: np.random.Generator, day: int) -> dict[str, Any]:
        photo = usual(random, day)
        return {**photo, "category": CATEGORIES[day % 4]} if random.random() < 0.4 else photo

    week = shifts(answers(7, 100, campaign), of_answers(answers(28, 70, campaign, seed=1, before=7), CATEGORIES))
    quiet = shifts(answers(7, 100))
    assert week["categories"].verdict != "retrain"
    assert week["categories"].high - week["categories"].low > quiet["categories"].high


def test_a_sure_but_small_shift_is_no_reason_to_retrain():
    def slightly(random: np.random.Generator, day: int) -> dict[str, Any]:
        photo = usual(random, day)
        return {**photo, "category": "Books", "cell": 2} if random.random() < 0.09 else photo

    found = shifts(answers(7, 4_000, slightly), of_answers(answers(28, 1_000, seed=1), CATEGORIES))
    assert found["categories"].low > 0
    assert found["categories"].verdict == "no sign"


def test_too_few_photos_are_said_to_be_too_few():
    few, fewer = shifts(answers(7, 20)), shifts(answers(7, 7))
    assert few["unlike anything"].verdict == "no sign"
    assert few["cells"].verdict == "no sign"
    assert few["top scores"].verdict == "too few"
    assert few["top scores"].needed is not None
    assert few["top scores"].needed.startswith("about ")
    assert {shift.needed for shift in fewer.values()} == {f"{FEWEST_PHOTOS} photos"}


def test_the_number_that_is_needed_would_do():
    needed = shifts(answers(7, 20))["top scores"].needed
    assert needed is not None
    photos = int(needed.split()[1].replace(",", ""))
    assert 140 < photos < 1_000
    assert shifts(answers(7, -(-photos // 7)))["top scores"].verdict == "no sign"


def test_a_few_days_are_too_few():
    found = shifts(answers(4, 500))
    assert verdicts(found) == ["too few"] * 4
    assert {shift.needed for shift in found.values()} == {"photos of 5 days"}


def test_photos_without_scores_still_show_the_mix():
    def unsearched(random: np.random.Generator, day: int) -> dict[str, Any]:
        return {**other_mix(random, day), "top_score": None}

    assert verdicts(shifts(answers(7, 100, unsearched))) == ["retrain", "retrain", "too few", "too few"]


def test_cells_and_categories_that_the_release_lacks_are_counted():
    def strange(random: np.random.Generator, day: int) -> dict[str, Any]:
        photo = usual(random, day)
        return {**photo, "category": "New", "cell": 9_999} if random.random() < 0.4 else photo

    assert verdicts(shifts(answers(7, 100, strange)))[:2] == ["retrain", "retrain"]


def test_the_interval_of_a_share_grows_with_the_differences_between_days():
    days = np.repeat(np.arange(10), 100)
    even = np.tile(np.arange(100) < 30, 10)
    uneven = days < 3
    assert even.mean() == uneven.mean() == 0.3
    assert interval_of_share(days, even) == pytest.approx((0.3, 0.3))
    low, high = interval_of_share(days, uneven)
    assert low < 0.1
    assert high > 0.5
    assert interval_of_share(days[:400], even[:400]) == (0.0, 1.0)


def test_the_same_photos_give_the_same_figures():
    now = answers(7, 60, other_mix)
    assert shifts(now) == shifts(list(now))
    moved = [Answer(one.moment + timedelta(days=70), *_rest(one)) for one in now]
    assert shifts(moved) == shifts(now)


def _rest(one: Answer) -> tuple[Any, ...]:
    return one.request_id, one.release, one.category, one.cell, one.top_score, one.filtered
