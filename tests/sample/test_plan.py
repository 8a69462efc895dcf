"""Tests of `sample.plan`."""

import pytest

from sample.plan import MIN_PHOTOS, Plan


@pytest.mark.parametrize("photos", [60, 61, 62, 97, 98, 1_000, 99_999])
def test_products_have_exactly_the_requested_number_of_photos(photos):
    plan = Plan(photos, seed=0)
    shots = [plan.shots(number) for number in range(plan.products)]
    assert sum(shots) == photos
    assert set(shots) == {1, 2}


def test_one_product_in_ten_has_one_photo():
    plan = Plan(2_000, seed=0)
    single = sum(plan.shots(number) == 1 for number in range(plan.products))
    assert single / plan.products == pytest.approx(0.1, abs=0.01)


def test_ids_are_distinct_uuids_that_depend_on_the_seed():
    plan, other = Plan(60, seed=0), Plan(60, seed=1)
    ids = [image_id for number in range(plan.products) for image_id in plan.image_ids(number)]
    ids += [plan.product_id(number) for number in range(plan.products)]
    assert len(set(ids)) == len(ids)
    assert {len(each) for each in ids} == {36}
    assert plan.product_id(0) != other.product_id(0)


def test_too_few_photos_are_refused():
    with pytest.raises(ValueError, match=f"59 photos asked for; a catalogue has at least {MIN_PHOTOS}"):
        Plan(59, seed=0)
