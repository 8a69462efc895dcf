import numpy as np
import pytest

from lambda_app.likeness.placements import MOST_CUT, grid, placements

FINE = 10_000


def slow_sampling(width, start):
    """The means of a ramp over each cell of the stored photo, and the covered shares, by counting fine points."""
    means, shares = [], []
    for cell in range(15):
        points = (cell + (np.arange(FINE) + 0.5) / FINE) / 15
        own = (points - start) / width  # place in the photo, 0 to 1
        inside = (own > 0) & (own < 1)
        shares.append(inside.mean())
        means.append(np.floor(own[inside] * 60).mean() if inside.any() else 0.0)
    return np.array(means), np.array(shares)


@pytest.mark.parametrize(("width", "start"), [(1, 0), (0.85, 0), (0.85, 0.15), (0.9, 0.03), (1.1, -0.07), (1.18, 0)])
def test_a_cell_is_the_mean_of_what_covers_it(width, start):
    place = placements(np.array([width], float), np.array([start], float), 15)
    means, shares = slow_sampling(width, start)
    covered = shares >= 0.5
    assert np.array_equal(place.covered[0] > 0, covered)
    ramp = place.sampling[0] @ np.arange(60, dtype=np.float32)
    assert np.allclose(ramp, np.where(covered, means, 0), atol=0.04)


def test_the_grid_holds_the_photo_itself_and_the_largest_crops_at_both_ends():
    pairs = {(round(width, 4), round(start, 4)) for width, start in zip(grid(8).width, grid(8).start, strict=True)}
    cut = round(1 - MOST_CUT, 4)
    assert {(1.0, 0.0), (cut, 0.0), (cut, round(MOST_CUT, 4))} <= pairs
    assert len(pairs) == len(grid(8)) == 11


def test_near_keeps_the_middle_unless_it_moves_it():
    near = placements(np.ones(1), np.zeros(1), 15).near(0.02)
    middles = np.unique(np.round(near.start + near.width / 2, 6))
    assert np.allclose(middles, [0.48, 0.5, 0.52])
    assert np.allclose(np.unique(np.round(near.width, 6)), [0.98, 1.0, 1.02])


def test_one_of_nine_is_chosen_for_each():
    near = placements(np.array([1.0, 0.9]), np.array([0.0, 0.05]), 15).near(0.02)
    chosen = near.chosen(np.array([0, 8]))
    assert np.allclose(chosen.width, [0.98, 0.92])
    assert np.allclose(chosen.start + chosen.width / 2, [0.48, 0.52])
    assert np.array_equal(chosen.sampling[1], near.sampling[1, 8])
