import numpy as np
import pytest
from PIL import Image

from training.metrics.likeness.copies import COPIES, copy_of


def photo(seed=0, size=(120, 80)):
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_another_picture_and_the_same_for_the_same_draws(name):
    copy = copy_of(photo(), name, rng())
    assert copy.mode == "RGB"
    assert copy.tobytes() != photo().tobytes()
    assert copy.tobytes() == copy_of(photo(), name, rng()).tobytes()


def test_sizes_are_what_the_names_say():
    sizes = {name: copy_of(photo(), name, rng()).size for name in COPIES}
    assert sizes["half_size"] == (60, 40)
    assert sizes["crop_centre"] == sizes["crop_off_centre"] == (102, 68)
    assert sizes["mirror"] == sizes["brightness"] == sizes["watermark"] == (120, 80)
    across, down = sizes["border"][0] - 120, sizes["border"][1] - 80
    assert across == down
    assert 0.05 * 80 <= across <= 0.25 * 80


def test_a_mirrored_copy_has_left_and_right_exchanged():
    pixels, turned = (np.asarray(image, float) for image in (photo(), COPIES["mirror"](photo(), rng())))
    assert np.array_equal(pixels[:, ::-1], turned)


def test_a_watermark_changes_some_pixels_and_not_most():
    changed = np.asarray(photo()) != np.asarray(COPIES["watermark"](photo(), rng()))
    assert 0.01 < changed.any(axis=2).mean() < 0.4
