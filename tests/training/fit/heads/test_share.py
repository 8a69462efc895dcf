import numpy as np
import pytest

from training.fit.heads.blend import Linear
from training.fit.heads.share import COST, FEWEST_QUERIES, LabelledFeatures, blend

RNG = np.random.default_rng(2)
PRODUCTS = np.repeat(np.arange(300), 2)
FEATURES = (RNG.normal(size=(300, 10))[PRODUCTS] * ([3] * 4 + [1] * 6) + RNG.normal(size=(600, 10)) * 0.6).astype(
    np.float32
)
# It reads nothing but noise, or the four features in which products differ most.
BAD = Linear(np.eye(10, dtype=np.float32)[6:7].repeat(6, axis=0), np.zeros(6, np.float32))
GOOD = Linear(np.eye(10, dtype=np.float32)[[0, 1, 2, 3, 4, 5]], np.zeros(6, np.float32))


def photos(rows, *, pairs=True):
    return LabelledFeatures(FEATURES[rows], PRODUCTS[rows] % 3, PRODUCTS[rows] if pairs else np.arange(600)[rows])


TRAIN, VALIDATION = photos(slice(0, 400)), photos(slice(400, 600))


def test_the_largest_share_is_taken_if_it_costs_nothing():
    found = blend(BAD, TRAIN, VALIDATION, 0.8)
    assert found.about["pooled_share"] == 0.8
    assert [entry["pooled_share"] for entry in found.about["validation"]] == [0.8, 0]


def test_no_larger_share_than_the_chosen_one_is_cheap_enough():
    rotten = LabelledFeatures(FEATURES * ([1] * 6 + [60] * 4), TRAIN.categories[:1].repeat(600), PRODUCTS)
    noisy = LabelledFeatures(rotten.pooled.astype(np.float32)[400:], rotten.categories[400:], PRODUCTS[400:])
    found = blend(GOOD, TRAIN, noisy, 1.0).about
    recall = {entry["pooled_share"]: entry["recall@4"] for entry in found["validation"]}
    assert found["pooled_share"] < 1
    assert recall[found["pooled_share"]] >= recall[0.0] - COST
    assert all(value < recall[0.0] - COST for share, value in recall.items() if share > found["pooled_share"])


def test_without_pairs_the_category_precision_decides():
    found = blend(BAD, photos(slice(0, 400), pairs=False), photos(slice(400, 600), pairs=False), 0.8)
    entry = found.about["validation"][0]
    assert entry["recall@4"] is None
    assert 0 < entry["category_precision@4"] <= 1


def test_too_few_validation_photos_decide_nothing():
    few = photos(slice(400, 400 + FEWEST_QUERIES - 1))
    assert blend(GOOD, TRAIN, few, 0.5).about == {"pooled_share": 0.5, "validation": []}
    assert blend(GOOD, TRAIN, photos(slice(0, 0)), 0.5).about["pooled_share"] == 0.5


def test_the_share_zero_keeps_the_trained_embedding():
    found = blend(GOOD, TRAIN, VALIDATION, 0)
    assert found.layer is GOOD
    assert found.about == {"pooled_share": 0.0, "validation": []}


@pytest.mark.parametrize("most", [0.35, 1.0])
def test_the_setting_is_the_largest_share_that_is_tried(most):
    tried = [entry["pooled_share"] for entry in blend(BAD, TRAIN, VALIDATION, most).about["validation"]]
    assert tried[0] == most == max(tried)
