import numpy as np
import pytest

from lambda_app.likeness.descriptor import DESCRIPTOR_BYTES, DescriptorTable, descriptors_of, descriptors_of_views
from lambda_app.likeness.fingerprint import DETAIL, FINGERPRINT_BYTES, SIDE, fingerprint


def cells(seed):
    """Smooth brightness of a made photo, float32 (DETAIL, DETAIL)."""
    small = np.random.default_rng(seed).uniform(0, 255, (6, 6))
    grid = np.linspace(0, 5, DETAIL)
    rows = np.array([np.interp(grid, np.arange(6), column) for column in small.T]).T
    return np.array([np.interp(grid, np.arange(6), row) for row in rows], np.float32)


def stored(count):
    return descriptors_of(np.stack([fingerprint(cells(seed)) for seed in range(count)]))


TURNS = {
    "turned": np.rot90,
    "turned back": lambda photo: np.rot90(photo, 3),
    "upside down": lambda photo: np.rot90(photo, 2),
    "mirrored": np.fliplr,
    "turned and mirrored": np.transpose,
    "brighter": lambda photo: 0.6 * photo + 100,
}


@pytest.mark.parametrize("change", TURNS.values(), ids=TURNS.keys())
def test_a_changed_copy_has_the_descriptor_of_its_photo(change):
    photo = cells(1)
    changed = np.ascontiguousarray(change(photo), np.float32)
    descriptors = descriptors_of_views((photo, changed)).astype(int)
    assert np.abs(descriptors[0] - descriptors[1]).max() <= 1
    assert descriptors.any()


@pytest.mark.parametrize("change", TURNS.values(), ids=TURNS.keys())
def test_a_changed_copy_is_found_among_others(change):
    table = DescriptorTable(stored(200))
    changed = np.ascontiguousarray(change(cells(77)), np.float32)
    assert table.nearest_photos(descriptors_of_views((changed,)), 5).rows[0] == 77


def test_the_descriptor_is_that_of_a_dct_written_out():
    photo = cells(3)
    own = photo.reshape(SIDE, DETAIL // SIDE, SIDE, DETAIL // SIDE).mean(axis=(1, 3))
    place = (2 * np.arange(SIDE) + 1) / (2 * SIDE)

    def amplitude(down, across):
        return abs((own * np.outer(np.cos(np.pi * down * place), np.cos(np.pi * across * place))).sum()) * (
            (1 if down else 0.5**0.5) * (1 if across else 0.5**0.5)
        )

    expected = []
    for down in range(6):
        for across in range(6 - down):
            pair = amplitude(down, across), amplitude(across, down)
            expected.append(max(pair) if down <= across else min(pair))
    amplitudes = np.array(expected[1:])  # without the mean
    assert len(amplitudes) == DESCRIPTOR_BYTES
    found = descriptors_of_views((photo,))[0] / 255
    np.testing.assert_allclose(found, amplitudes / np.linalg.norm(amplitudes), atol=0.003)


def test_a_plain_photo_is_like_none():
    table = DescriptorTable(stored(3))
    plain = descriptors_of_views((np.full((DETAIL, DETAIL), 9, np.float32),))
    assert not plain.any()
    assert len(table.nearest_photos(plain, 3).rows) == 0


def test_only_what_is_allowed_is_found():
    table, asked = DescriptorTable(stored(20)), descriptors_of_views((cells(7),))
    allowed = np.ones(20, bool)
    allowed[7] = False
    found = table.nearest_photos(asked, 20, allowed=allowed).rows
    assert len(found) == 19
    assert 7 not in found


def test_equal_photos_come_in_the_order_of_their_numbers():
    table = DescriptorTable(np.repeat(stored(2), 3, axis=0))
    assert table.nearest_photos(descriptors_of_views((cells(1),)), 3).rows.tolist() == [3, 4, 5]


def test_a_catalogue_without_photos_finds_none():
    table = DescriptorTable(descriptors_of(np.empty((0, FINGERPRINT_BYTES), np.uint8)))
    assert len(table) == 0
    assert len(table.nearest_photos(descriptors_of_views((cells(1),)), 3).rows) == 0


def test_photos_with_other_descriptors_are_left_out():
    table, asked = DescriptorTable(stored(50)), descriptors_of_views((cells(7),))
    found = table.nearest_photos(asked, 50, least=0.99)
    assert 7 in found.rows
    assert len(found.rows) < 50
    assert found.cosines.min() > 0.99
