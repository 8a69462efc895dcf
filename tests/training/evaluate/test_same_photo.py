import numpy as np
import pytest
from PIL import Image

from training.dataset import Dataset
from training.evaluate.same_photo import DatasetPhotos, cases, judge_same_photo
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
    found = list(cases(DatasetPhotos(photos, None), "validation", most=1_000, seed=0))
    assert [len(case.others) for case in found] == [1] * 40 + [0] * 5
    assert len(list(cases(DatasetPhotos(photos, None), "test", most=7, seed=0))) == 7


def test_equal_photos_of_a_product_are_no_wrong_pair():
    photos = Photos(several=2, single=0)
    photos.photos[1] = photos.photos[0]
    assert [len(case.others) for case in cases(DatasetPhotos(photos, None), "validation", 10, 0)] == [0, 0]


def test_a_threshold_is_chosen_on_validation_photos_and_judged_on_test_photos(photos):
    found = judge_same_photo(photos, choosing=14, judging=14)
    assert (found["chosen_on"], found["pairs"], found["n"], found["others"]) == ("validation", 112, 14, 112)
    assert 0.3 < found["threshold"] <= 0.4
    assert found["precision"] == 1
    assert found["recall"].keys() == COPIES.keys()
    assert min(found["recall"].values()) >= 0.85
    assert judge_same_photo(photos, choosing=14, judging=14) == found


def test_with_few_products_of_several_photos_the_threshold_is_the_default():
    found = judge_same_photo(Photos(several=4, single=3), choosing=5, judging=5)
    assert (found["chosen_on"], found["threshold"]) == ("default", 0.15)
    assert found["pairs"] < 100
    alone = judge_same_photo(Photos(several=0, single=4), choosing=2, judging=2)
    assert alone["precision"] is None
    assert alone["recall"]["mirror"] == 1


def test_photos_are_taken_from_their_files_and_from_the_cache_where_these_are_gone(photos, tmp_path):
    files = [tmp_path / f"{row}.png" for row in range(len(photos.photos))]
    large = Image.fromarray(photos.photos[3]).resize((900, 600), Image.Resampling.BICUBIC)
    large.save(files[3])
    (tmp_path / "4.png").write_bytes(b"no photo")
    found = DatasetPhotos(photos, files)
    assert found.of(3).size == (480, 320)
    assert np.abs(np.asarray(found.of(3), int) - np.asarray(large.resize((480, 320)), int)).mean() < 3
    for row in (4, 5):
        cached = Image.fromarray(photos.photos[row])
        assert found.of(row).size == (480, 480)
        assert np.abs(np.asarray(found.of(row).resize((48, 48)), int) - np.asarray(cached, int)).mean() < 3
