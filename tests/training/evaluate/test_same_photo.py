import numpy as np
import pytest
from PIL import Image

from training.dataset import Dataset
from training.evaluate.same_photo import cases, judge_same_photo
from training.metrics.likeness.copies import COPIES


class Photos(Dataset):
    """A dataset of drawn photos: products 0 to 39 with two photos each, then products with one."""

    def __init__(self, several=40, single=10):
        product = np.array([*np.repeat(np.arange(several), 2), *range(several, several + single)])
        photos = np.stack([self._drawn(row) for row in range(len(product))])
        # Datasets are frozen, and this one has what is needed alone.
        object.__setattr__(self, "product", product)
        object.__setattr__(self, "photos", photos)

    def rows(self, split):
        return np.flatnonzero(self.product % 2 == (split == "test"))

    @staticmethod
    def _drawn(seed):
        patches = np.random.default_rng(seed).integers(1, 256, (7, 7, 3), np.uint8)
        return np.asarray(Image.fromarray(patches).resize((48, 48), Image.Resampling.BICUBIC)).clip(1)


@pytest.fixture(scope="module")
def photos():
    return Photos()


def test_photos_are_compared_with_others_of_their_product(photos):
    found = list(cases(photos, "validation", most=1_000, seed=0))
    assert [len(case.others) for case in found] == [1] * 40 + [0] * 5
    assert len(list(cases(photos, "test", most=7, seed=0))) == 7


def test_equal_photos_of_a_product_are_no_wrong_pair():
    photos = Photos(several=2, single=0)
    photos.photos[1] = photos.photos[0]
    assert [len(case.others) for case in cases(photos, "validation", 10, 0)] == [0, 0]


def test_a_threshold_is_chosen_on_validation_photos_and_judged_on_test_photos(photos):
    found = judge_same_photo(photos, most=14)
    assert (found["chosen_on"], found["pairs"], found["n"], found["others"]) == ("validation", 112, 14, 112)
    assert 0.3 < found["threshold"] <= 0.4
    assert found["precision"] == 1
    assert found["recall"].keys() == COPIES.keys()
    assert min(found["recall"].values()) >= 0.85
    assert judge_same_photo(photos, most=14) == found


def test_with_few_products_of_several_photos_the_threshold_is_the_default():
    found = judge_same_photo(Photos(several=4, single=3), most=5)
    assert (found["chosen_on"], found["threshold"]) == ("default", 0.15)
    assert found["pairs"] < 100
    alone = judge_same_photo(Photos(several=0, single=4), most=2)
    assert alone["precision"] is None
    assert alone["recall"]["mirror"] == 1
