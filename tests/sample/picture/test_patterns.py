"""Tests of `sample.patterns`."""

import numpy as np
import pytest

from sample.picture.colours import Palette
from sample.picture.patterns import PATTERNS, surface

PALETTE = Palette((200, 0, 0), (0, 0, 200), (0, 200, 0))


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS) - {"plain"}))
def test_a_pattern_shows_both_colours(pattern):
    blue = np.asarray(surface(pattern, PALETTE, 18.0, 45.0, 64))[..., 2]
    assert 0.1 < (blue > 50).mean() < 0.9


def test_a_plain_pattern_has_only_the_main_colour():
    assert surface("plain", PALETTE, 18.0, 0.0, 16).getcolors() == [(256, PALETTE.main)]


def test_a_quarter_turn_turns_stripes():
    upright, across = (np.asarray(surface("stripes", PALETTE, 25.0, angle, 64)) for angle in (0.0, 90.0))
    assert np.abs(upright.astype(int) - across.swapaxes(0, 1)).mean() < 8
