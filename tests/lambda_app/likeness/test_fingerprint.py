import numpy as np
from PIL import Image, ImageOps

from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES, cells_of, fingerprint, views


def photo(seed=0, size=(160, 128)):
    """Random patches with soft edges."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def test_a_fingerprint_has_at_most_200_bytes():
    found = fingerprint(views(photo())[0])
    assert found.dtype == np.uint8
    assert found.shape == (FINGERPRINT_BYTES,)
    assert found.nbytes <= 200


def test_a_fingerprint_holds_the_brightness_of_each_cell_to_half_a_level():
    cells = views(photo())[0]
    means = np.array([[cells[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].mean() for x in range(15)] for y in range(15)])
    levels = (means - means.min()) / (means.max() - means.min()) * 127
    held = cells_of(fingerprint(cells)[np.newaxis])[0]
    assert np.abs(held - levels).max() <= 0.501


def test_each_of_several_fingerprints_keeps_its_own_cells():
    prints = np.stack([fingerprint(views(photo(seed))[0]) for seed in range(3)])
    together = cells_of(prints)
    assert together.shape == (3, 15, 15)
    assert all(np.array_equal(together[row], cells_of(prints[row : row + 1])[0]) for row in range(3))
    assert not np.array_equal(together[0], together[1])


def test_a_photo_without_borders_has_one_view():
    assert len(views(photo())) == 1


def test_a_photo_with_borders_is_also_seen_without_them():
    whole, inner = views(ImageOps.expand(photo(), 12, "white"))
    assert whole[0].min() == 255.0
    assert np.abs(inner - views(photo())[0]).max() < 1


def test_half_of_a_wide_border_may_have_been_there_before():
    stored = ImageOps.expand(photo(), 30, "white")
    seen = views(ImageOps.expand(stored, 30, "white"))
    assert len(seen) == 3
    assert np.abs(seen[1] - views(stored)[0]).max() < 1


def test_of_two_borders_the_first_may_be_the_new_one():
    stored = ImageOps.expand(photo(), 20, "white")
    seen = views(ImageOps.expand(stored, 10, "black"))
    assert min(np.abs(view - views(stored)[0]).max() for view in seen) < 1


def test_a_plain_photo_has_a_fingerprint_of_zeros():
    assert not fingerprint(views(Image.new("RGB", (64, 64), "white"))[0]).any()
