import numpy as np
import pytest
import torch

from lambda_app import preprocessing
from lambda_app.photo_rules import Preprocessing
from training.augment import Augmentation, augment, to_input, to_unit


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def photos():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3), np.uint8))


def test_evaluation_pixels_equal_serving_pixels_bit_for_bit(dataset):
    rows = dataset.photos[:16]
    ours = to_input(torch.from_numpy(np.array(rows)), dataset.preprocessing).numpy()
    assert ours.tobytes() == preprocessing.normalise(rows, dataset.preprocessing).tobytes()


def test_every_byte_value_normalises_as_serving_does():
    settings = Preprocessing(size=16, mean=(0.1, 0.5, 0.9), std=(0.3, 0.2, 0.7))
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    ours = to_input(torch.from_numpy(pixels), settings).numpy()
    assert ours.tobytes() == preprocessing.normalise(pixels, settings).tobytes()


def test_no_augmentation_leaves_photos_or_mirrors_them(photos):
    unit = to_unit(photos)
    moved = augment(unit, Augmentation(rotation=0, crop=0, colour=0), generator())
    mirrored = [bool(torch.allclose(moved[i], unit[i].flip(2), atol=1e-5)) for i in range(len(unit))]
    kept = [bool(torch.allclose(moved[i], unit[i], atol=1e-5)) for i in range(len(unit))]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert any(mirrored)
    assert any(kept)


def test_a_turn_brings_in_black_corners(photos):
    moved = augment(torch.ones_like(to_unit(photos)), Augmentation(rotation=45, crop=0, colour=0), generator(1))
    assert moved.min() == 0
    assert moved.max() == pytest.approx(1.0)


def test_a_turn_keeps_distances(photos):
    """A dot at some radius stays at that radius, however far it is turned."""
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


def test_twins_are_mirrored_and_recoloured_alike():
    """Pairs of equal photos, each with its twin: what may differ is only what leaves the product the same."""
    photo = torch.rand((40, 3, 16, 16), generator=generator(5)).repeat_interleave(2, dim=0)
    twins = torch.arange(0, 80, 2).repeat_interleave(2)
    moved = augment(photo, Augmentation(rotation=0, crop=0, colour=1e-6), generator(), twins)
    torch.testing.assert_close(moved[0::2], moved[1::2], atol=1e-4, rtol=0)
    alone = augment(photo, Augmentation(rotation=0, crop=0, colour=1e-6), generator())
    assert not torch.allclose(alone[0::2], alone[1::2], atol=1e-2)


def test_some_products_are_seen_in_other_colours():
    photo = torch.zeros(200, 3, 8, 8)
    photo[:, 0] = 1.0  # red
    moved = augment(photo, Augmentation(rotation=0, crop=0, colour=0.1), generator(), torch.arange(200))
    first = moved.mean(dim=(2, 3)).argmax(dim=1)
    assert 0.75 < float((first == 0).float().mean()) < 0.97
    assert set(first.tolist()) == {0, 1, 2}


def test_the_same_seed_draws_the_same_and_another_seed_another(photos):
    limits = Augmentation(rotation=180, crop=0.3, colour=0.3)
    first, again, other = (augment(to_unit(photos), limits, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (6, 3, 24, 24)
