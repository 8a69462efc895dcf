import numpy as np
import pytest
from PIL import Image

from lambda_app.photo.rules import Preprocessing
from training.evaluate.alterations import (
    ALTERATIONS,
    as_sent,
    black_margins,
    grey,
    mirror,
    quarter_turn,
    white_margins,
    without_bars,
)

SIZE = 20


def pixels(width, height, seed=0):
    """A photo without black pixels."""
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), np.uint8)


def cached(photo):
    """The photo, letterboxed as in the cache."""
    height, width = photo.shape[:2]
    square = np.zeros((SIZE, SIZE, 3), np.uint8)
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    square[top : top + height, left : left + width] = photo
    return square


@pytest.mark.parametrize(("width", "height"), [(20, 13), (20, 12), (7, 20), (20, 20), (1, 20)])
def test_the_photo_is_what_is_between_the_bars(width, height):
    photo = pixels(width, height)
    assert np.array_equal(without_bars(cached(photo)), photo)


def test_a_black_photo_has_no_bars():
    assert without_bars(np.zeros((20, 20, 3), np.uint8)).shape == (20, 20, 3)


def test_turn_mirror_and_grey_are_those_of_pillow():
    photo = pixels(20, 13)
    image = Image.fromarray(photo)
    assert np.array_equal(quarter_turn(photo), np.asarray(image.transpose(Image.Transpose.ROTATE_90)))
    assert np.array_equal(mirror(photo), np.asarray(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    assert np.array_equal(grey(photo)[..., 1], np.asarray(image.convert("L")))
    assert np.array_equal(grey(photo)[..., 0], grey(photo)[..., 2])


@pytest.mark.parametrize(("alter", "value"), [(white_margins, 255), (black_margins, 0)])
def test_margins_of_one_colour_surround_the_photo(alter, value):
    photo = np.full((14, 28, 3), 90, np.uint8)
    altered = alter(photo)
    assert altered.shape == (20, 40, 3)  # the photo has 70 % of its sides
    assert np.all(altered[3:17, 6:34] == 90)
    altered[3:17, 6:34] = value
    assert np.all(altered == value)


@pytest.mark.parametrize("fit", ["letterbox", "trimmed"])
def test_a_photo_without_alteration_reaches_the_network_as_it_is_in_the_cache(fit):
    photos = np.stack([cached(pixels(20, 13)), cached(pixels(8, 20)), cached(pixels(20, 20))])
    assert np.array_equal(as_sent(photos, lambda photo: photo, Preprocessing(size=SIZE, fit=fit)), photos)


def test_a_turned_photo_reaches_the_network_in_a_turned_letterbox():
    photos = np.stack([cached(pixels(20, 12)), cached(pixels(8, 20))])
    seen = as_sent(photos, quarter_turn, Preprocessing(size=SIZE))
    assert np.array_equal(seen, np.rot90(photos, axes=(1, 2)))


def test_margins_reach_the_network_unless_borders_are_trimmed():
    photos = cached(pixels(20, 14))[None]
    seen = as_sent(photos, white_margins, Preprocessing(size=SIZE))
    assert np.all(seen[0, 3:4] == 255)  # the outline of the photo begins at row 3
    assert np.all(seen[0, :3] == 0)
    for alter in (white_margins, black_margins):
        assert np.array_equal(as_sent(photos, alter, Preprocessing(size=SIZE, fit="trimmed")), photos)


def test_every_alteration_changes_the_photo_and_not_the_cache():
    photos = cached(pixels(20, 13))[None]
    kept = photos.copy()
    photos.setflags(write=False)
    for alter in ALTERATIONS.values():
        assert not np.array_equal(as_sent(photos, alter, Preprocessing(size=SIZE)), photos)
    assert np.array_equal(photos, kept)
