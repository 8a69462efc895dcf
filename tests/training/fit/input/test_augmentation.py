import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lambda_app.photo import preprocessing
from lambda_app.photo.rules import Preprocessing
from training.fit.input.augmentation import Augmentation, apply_changes, draw_changes
from training.network.input import normalise, to_input, to_unit


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def augment(unit, limits, generator, same_as=None):
    return apply_changes(unit, draw_changes(len(unit), limits, generator, same_as))


@pytest.fixture
def photos():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3), np.uint8))


def test_evaluation_pixels_are_identical_to_serving_pixels(dataset):
    rows = dataset.photos[:16]
    ours = to_input(torch.from_numpy(np.array(rows)), dataset.preprocessing).numpy()
    assert ours.tobytes() == preprocessing.normalise(rows, dataset.preprocessing).tobytes()


def test_every_byte_value_is_normalised_as_in_serving():
    settings = Preprocessing(size=16, mean=(0.1, 0.5, 0.9), std=(0.3, 0.2, 0.7))
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    ours = to_input(torch.from_numpy(pixels), settings).numpy()
    assert ours.tobytes() == preprocessing.normalise(pixels, settings).tobytes()


def test_without_augmentation_photos_are_unchanged_or_mirrored(photos):
    unit = to_unit(photos)
    moved = augment(unit, Augmentation(rotation=0, crop=0, colour=0), generator())
    mirrored = [bool(torch.allclose(moved[i], unit[i].flip(2), atol=1e-5)) for i in range(len(unit))]
    kept = [bool(torch.allclose(moved[i], unit[i], atol=1e-5)) for i in range(len(unit))]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert any(mirrored)
    assert any(kept)


def test_a_rotation_adds_black_corners(photos):
    moved = augment(torch.ones_like(to_unit(photos)), Augmentation(rotation=45, crop=0, colour=0), generator(1))
    assert moved.min() == 0
    assert moved.max() == pytest.approx(1.0)


def test_a_rotation_keeps_distances(photos):
    """A dot keeps its distance from the centre under any rotation."""
    unit = torch.zeros(8, 3, 33, 33)
    unit[:, :, 16, 26] = 1.0
    moved = augment(unit, Augmentation(rotation=180, crop=0, colour=0), generator())[:, 0]
    ys, xs = torch.meshgrid(torch.arange(33.0) - 16, torch.arange(33.0) - 16, indexing="ij")
    mass = moved.sum(dim=(1, 2))
    radius = torch.hypot((moved * ys).sum(dim=(1, 2)) / mass, (moved * xs).sum(dim=(1, 2)) / mass)
    torch.testing.assert_close(radius, torch.full((8,), 10.0), atol=0.2, rtol=0)


def test_colour_changes_stay_in_range_and_differ_by_photo(photos):
    unit = to_unit(photos)
    still = augment(unit, Augmentation(0, 0, 0), generator(3))
    coloured = augment(unit, Augmentation(0, 0, 0.5), generator(3))
    assert coloured.min() >= 0
    assert coloured.max() <= 1
    gains = (coloured.mean(dim=(1, 2, 3)) / still.mean(dim=(1, 2, 3))).tolist()
    assert len({round(gain, 3) for gain in gains}) == len(photos)


def test_photos_of_one_product_are_mirrored_and_recoloured_in_the_same_way():
    """Two equal photos of one product stay equal here; without `same_as` they do not."""
    photo = torch.rand((40, 3, 16, 16), generator=generator(5)).repeat_interleave(2, dim=0)
    same_as = torch.arange(0, 80, 2).repeat_interleave(2)
    moved = augment(photo, Augmentation(rotation=0, crop=0, colour=1e-6), generator(), same_as)
    torch.testing.assert_close(moved[0::2], moved[1::2], atol=1e-4, rtol=0)
    alone = augment(photo, Augmentation(rotation=0, crop=0, colour=1e-6), generator())
    assert not torch.allclose(alone[0::2], alone[1::2], atol=1e-2)


def test_some_products_get_other_colours():
    photo = torch.zeros(200, 3, 8, 8)
    photo[:, 0] = 1.0  # red
    moved = augment(photo, Augmentation(rotation=0, crop=0, colour=0.1), generator(), torch.arange(200))
    first = moved.mean(dim=(2, 3)).argmax(dim=1)
    assert 0.75 < float((first == 0).float().mean()) < 0.97
    assert set(first.tolist()) == {0, 1, 2}


def test_the_seed_determines_the_random_changes(photos):
    limits = Augmentation(rotation=180, crop=0.3, colour=0.3)
    first, again, other = (augment(to_unit(photos), limits, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (6, 3, 24, 24)


def test_rotation_and_mirroring_together_include_vertical_flips():
    """Every angle occurs with and without mirroring, so half of the photos are flipped vertically."""
    theta = draw_changes(4_000, Augmentation(rotation=180, crop=0, colour=0), generator()).theta
    mirrored = torch.linalg.det(theta[:, :, :2]) < 0
    octant = ((torch.atan2(-theta[:, 0, 1], theta[:, 1, 1]) / torch.pi + 1) * 4).long().clamp(max=7)
    for side in (mirrored, ~mirrored):
        assert torch.all((torch.bincount(octant[side], minlength=8) - 250).abs() < 80)


def test_pixels_are_sampled_as_by_torch(photos):
    limits = Augmentation(rotation=180, crop=0.5, colour=0)
    changes = draw_changes(len(photos), limits, generator())
    grid = F.affine_grid(changes.theta, [6, 3, 24, 24], align_corners=False)
    expected = F.grid_sample(to_unit(photos), grid, padding_mode="zeros", align_corners=False)
    torch.testing.assert_close(apply_changes(to_unit(photos), changes), expected, atol=1e-4, rtol=0)


def test_smaller_photos_are_scaled_as_by_torch(photos):
    unit = to_unit(photos)
    still = draw_changes(len(unit), Augmentation(rotation=0, crop=0, colour=0), generator())
    mirrored = still.theta[:, 0, 0] < 0
    expected = F.interpolate(unit, size=(16, 16), mode="bilinear", align_corners=False)
    expected[mirrored] = expected[mirrored].flip(3)
    assert torch.allclose(apply_changes(unit, still, 16), expected, atol=1e-5)


@pytest.mark.parametrize(("crop", "proportion"), [(0.0, 1.0), (0.2, 0.950), (0.717, 0.75)])
def test_a_crop_changes_size_and_aspect_ratio_as_a_random_resized_crop_does(crop, proportion):
    """A crop of 0.717, which leaves at least 8 % of the area, has aspect ratios from 3/4 to 4/3."""
    theta = draw_changes(2_000, Augmentation(rotation=0, crop=crop, colour=0), generator()).theta
    width, height = theta[:, 0, 0].abs(), theta[:, 1, 1]
    assert float((width / height).min()) == pytest.approx(proportion, abs=0.01)
    assert float((width / height).max()) == pytest.approx(1 / proportion, abs=0.02)
    assert float((width * height).sqrt().min()) == pytest.approx(1 - crop, abs=0.01)


def test_colours_change_by_brightness_then_contrast_then_saturation(photos):
    unit = to_unit(photos)
    changes = draw_changes(len(unit), Augmentation(rotation=0, crop=0, colour=0.4), generator(7))
    still = draw_changes(len(unit), Augmentation(rotation=0, crop=0, colour=0), generator(7))
    again = generator(7)
    for shape in ((6,), (6,), (6,), (6, 2), (6,)):  # the geometric changes are drawn first
        torch.rand(shape, generator=again)
    brightness, contrast, saturation = (1 + 0.4 * (torch.rand((3, 6, 1, 1), generator=again) * 2 - 1))[..., None]
    lit = apply_changes(unit, still) * brightness
    middle = lit.mean(dim=(1, 2, 3), keepdim=True)
    contrasted = middle + contrast * (lit - middle)
    grey = contrasted.mean(dim=1, keepdim=True)
    expected = (grey + saturation * (contrasted - grey)).clamp(0, 1)
    torch.testing.assert_close(apply_changes(unit, changes), expected, atol=1e-5, rtol=0)


def test_a_share_of_photos_has_one_rectangle_of_one_colour():
    unit = torch.full((400, 3, 40, 40), -1.0)  # a value that erasing never paints
    limits = Augmentation(rotation=0, crop=0, colour=0, erasing=0.5)
    drawn = draw_changes(400, limits, generator(2))
    covered = apply_changes(unit, drawn) >= 0
    covered &= unit < 0
    area = covered[:, 0].float().mean(dim=(1, 2))
    chosen = area > 0
    assert 0.4 < float(chosen.float().mean()) < 0.6
    assert float(area[chosen].min()) >= 0.01
    assert float(area[chosen].max()) <= 0.45
    columns, rows = covered[:, 0].any(dim=1).sum(dim=1), covered[:, 0].any(dim=2).sum(dim=1)
    assert torch.equal(columns * rows, covered[:, 0].sum(dim=(1, 2)))  # the covered pixels are exactly one rectangle
    assert drawn.paint is not None
    painted = apply_changes(unit, drawn)
    for number in torch.nonzero(chosen)[:20, 0].tolist():
        inside = painted[number][:, covered[number, 0]]
        assert torch.equal(inside, drawn.paint[number][:, None].expand_as(inside))


def test_a_slice_of_the_changes_applies_to_the_same_slice_of_photos(photos):
    unit = to_unit(photos)
    limits = Augmentation(rotation=20, crop=0.2, colour=0.2, erasing=1.0)
    changes = draw_changes(len(unit), limits, generator(), torch.arange(6))
    torch.testing.assert_close(apply_changes(unit[2:5], changes.of(slice(2, 5))), apply_changes(unit, changes)[2:5])


def test_erasing_does_not_alter_the_other_random_changes(photos):
    without = draw_changes(6, Augmentation(20, 0.2, 0.2), generator(4), torch.arange(6))
    erased = draw_changes(6, Augmentation(20, 0.2, 0.2, erasing=1.0), generator(4), torch.arange(6))
    assert torch.equal(without.theta, erased.theta)
    assert without.mix is not None
    assert erased.mix is not None
    assert torch.equal(without.mix, erased.mix)
    assert without.erased is None


def test_pixel_operations_read_no_value_from_the_device(photos):
    """The meta device has no values: an operation that reads one fails there, and would synchronise on a GPU."""
    changes = draw_changes(6, Augmentation(20, 0.2, 0.2, erasing=0.5), generator(), torch.arange(6))
    unit = apply_changes(to_unit(photos.to("meta")), changes)
    assert normalise(unit, Preprocessing(size=24)).shape == (6, 3, 24, 24)
