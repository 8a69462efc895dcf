import io

import numpy as np
import pytest
from PIL import Image

from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from lambda_app.photo.trimming import fitted, without_borders

TRIMMED = Preprocessing(size=32, fit="trimmed")


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def framed(photo, colour, left, top, right, bottom):
    """The photo with margins of these widths."""
    height, width = photo.shape[:2]
    canvas = np.full((height + top + bottom, width + left + right, 3), colour, np.uint8)
    canvas[top : top + height, left : left + width] = photo
    return canvas


def inside(pixels):
    image = Image.fromarray(pixels)
    return without_borders(image, (0.0, 0.0, *image.size))


def encoded(pixels, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("colour", [0, 255, (30, 200, 90)])
@pytest.mark.parametrize("widths", [(5, 5, 5, 5), (0, 9, 0, 4), (7, 0, 0, 0), (1, 2, 3, 4)])
def test_a_border_of_any_colour_and_widths_is_found(colour, widths):
    left, top, _, _ = widths
    photo = noise(30, 20)
    if 0 in widths:  # a border has its colour at all corners
        photo[[0, 0, -1, -1], [0, -1, 0, -1]] = colour
    assert inside(framed(photo, colour, *widths)) == (left, top, left + 30, top + 20)


def test_a_photo_without_a_border_stays_whole():
    assert inside(noise(30, 20)) == (0, 0, 30, 20)


def test_a_border_with_noise_within_the_tolerance_is_found():
    canvas = framed(noise(30, 20), 240, 6, 6, 6, 6)
    canvas[:6] -= np.random.default_rng(1).integers(0, 10, (6, 42, 3), np.uint8)
    assert inside(canvas) == (6, 6, 36, 26)


def test_a_border_of_changing_brightness_is_part_of_the_photo():
    canvas = framed(noise(30, 20), 200, 6, 6, 6, 6)
    canvas[0] = np.linspace(100, 250, 42).astype(np.uint8)[:, None]
    assert inside(canvas) == (0, 0, 42, 32)


def test_a_photo_gives_the_same_part_with_and_without_margins_if_it_has_a_border_itself():
    own = framed(noise(20, 16), (120, 60, 60), 4, 3, 2, 5)
    assert inside(own) == (4, 3, 24, 19)
    left, top, right, bottom = inside(framed(own, 255, 8, 9, 8, 9))
    assert (left - 8, top - 9, right - 8, bottom - 9) == inside(own)


@pytest.mark.parametrize("value", [0, 77, 255])
def test_a_uniform_photo_stays_whole(value):
    assert inside(np.full((20, 30, 3), value, np.uint8)) == (0, 0, 30, 20)


def test_a_speck_on_a_plain_ground_is_not_all_that_stays():
    canvas = np.full((64, 64, 3), 255, np.uint8)
    canvas[30:33, 30:33] = 0
    assert inside(canvas) == (0, 0, 64, 64)


@pytest.mark.parametrize(("logo", "kept"), [(30, False), (70, True)])
def test_a_plain_box_with_a_logo_is_not_cut_down_to_its_logo(logo, kept):
    """A border inside another one goes only if at least half of each side is left: else it may be the box itself."""
    side = (100 - logo) // 2
    box = framed(noise(logo, logo), (180, 20, 20), side, side, side, side)
    found = inside(framed(box, 255, 30, 30, 30, 30))
    assert found == ((30 + side, 30 + side, 130 - side, 130 - side) if kept else (30, 30, 130, 130))


def test_a_pale_thing_that_looks_like_its_ground_is_not_cut_down_to_a_dark_detail():
    thing = framed(noise(15, 15), 246, 42, 42, 43, 43)
    assert inside(framed(thing, 255, 10, 10, 10, 10)) == (0, 0, 120, 120)


def test_a_plain_thing_with_a_speck_loses_its_margins_only():
    thing = framed(noise(4, 4), (20, 60, 120), 20, 90, 36, 26)
    assert inside(framed(thing, 255, 30, 20, 30, 20)) == (30, 20, 90, 140)


def test_grey_photos_have_borders_too():
    grey = framed(noise(30, 20), 255, 5, 5, 5, 5)[..., 0]
    assert without_borders(Image.fromarray(grey), (0.0, 0.0, 40.0, 30.0)) == (5, 5, 35, 25)


@pytest.mark.parametrize("colour", [0, 255])
def test_a_photo_with_margins_loads_as_the_photo_itself(colour):
    photo = noise(32, 20)
    plain = load_rgb(encoded(photo), TRIMMED)
    assert np.array_equal(load_rgb(encoded(framed(photo, colour, 9, 9, 9, 9)), TRIMMED), plain)
    assert np.array_equal(plain[6:26], photo)  # letterboxed as without trimming


def test_margins_of_a_jpeg_are_cut_off_up_to_its_artefacts():
    smooth = np.asarray(Image.fromarray(noise(6, 4)).resize((320, 200), Image.Resampling.BICUBIC))
    plain, padded = (
        load_rgb(encoded(pixels, "JPEG", quality=90), TRIMMED).astype(int)
        for pixels in (smooth, framed(smooth, 255, 64, 48, 64, 48))
    )
    assert np.abs(plain - padded).mean() < 8
    untrimmed = load_rgb(encoded(framed(smooth, 255, 64, 48, 64, 48)), Preprocessing(size=32)).astype(int)
    assert np.abs(plain - untrimmed).mean() > 40


def test_releases_that_do_not_ask_for_it_see_photos_with_their_margins():
    padded = encoded(framed(noise(32, 32), 255, 16, 16, 16, 16))
    assert Preprocessing.model_validate({"size": 32}).fit == "letterbox"
    assert np.all(load_rgb(padded, Preprocessing(size=32))[:7] == 255)


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(100, 50, (32, 16)), (50, 100, (16, 32)), (32, 32, (32, 32)), (1000, 1, (32, 1))]
)
def test_a_photo_fills_the_square_in_its_proportions(width, height, expected):
    assert fitted(width, height, 32) == expected
