from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.same.photos import beside, products, siblings
from sample.generate import generate


def patches(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8))


def test_a_photo_is_compared_with_the_others_of_its_product_only():
    first, second = [patches(0), patches(1)], [patches(2), patches(3), patches(4)]
    cases = list(siblings([first, second]))
    assert [len(case.others) for case in cases] == [1, 1, 2, 2, 2]
    assert np.array_equal(cases[0].others[0], list(siblings([[patches(1), patches(0)]]))[1].others[0])


def test_a_repeated_row_of_the_sample_is_no_second_photo(tmp_path: Path):
    generate(tmp_path / "data", photos=60, seed=3)
    found = products(tmp_path / "data")
    assert all(len(product) > 1 for product in found)
    pixels = [photo.tobytes() for product in found for photo in product]
    assert len(set(pixels)) == len(pixels) > 30


def test_photos_of_a_folder_are_compared_with_those_of_their_own_folder(tmp_path: Path):
    for name, count in (("a", 30), ("b", 15)):
        (tmp_path / name).mkdir()
        for number in range(count):
            patches(number).save(tmp_path / name / f"{number}.png")
    (tmp_path / "a" / "broken.jpg").write_bytes(b"no photo")
    cases = list(beside(tmp_path, 50))
    assert len(cases) == 45
    assert sorted({len(case.others) for case in cases}) in ([14, 19, 20], [14, 20])


def test_a_folder_with_few_photos_is_refused(tmp_path: Path):
    patches(0).save(tmp_path / "0.png")
    with pytest.raises(ValueError, match=r"has 1 photos; at least 40"):
        list(beside(tmp_path, 10))
