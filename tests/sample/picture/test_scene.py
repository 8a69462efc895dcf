"""Tests of `sample.scene` and `sample.backdrops`."""

import random

import numpy as np
import pytest
from PIL import Image

from sample.drawing import draw
from sample.picture.backdrops import FLOORS, WALLS
from sample.picture.identity import identity
from sample.picture.scene import LONG_SIDE, photograph

SPRITE = draw(identity(0, seed=0))


def test_photos_are_rgb_with_the_aspect_ratios_of_a_phone():
    sizes = {photograph(SPRITE, random.Random(seed)).size for seed in range(40)}
    assert {max(size) for size in sizes} == {LONG_SIDE}
    assert len(sizes) == 3


def test_the_same_random_state_takes_the_same_photo():
    one, again, other = (photograph(SPRITE, random.Random(seed)).tobytes() for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_the_product_is_in_the_picture():
    red = Image.new("RGBA", (100, 100), (255, 0, 0, 255))
    for seed in range(20):
        pixels = np.asarray(photograph(red, random.Random(seed)), int)
        assert (pixels[..., 0] - pixels[..., 1:].max(axis=2) > 80).mean() > 0.3


@pytest.mark.parametrize("ground", [*WALLS, *FLOORS], ids=lambda ground: ground.__name__.strip("_"))
def test_backgrounds_fill_the_frame(ground):
    for seed in range(5):
        image = ground(random.Random(seed), (256, 192))
        assert (image.mode, image.size) == ("RGB", (256, 192))
        assert np.asarray(image).mean() > 20
