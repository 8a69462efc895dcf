"""Tests of `sample.drawing`, and through it of the kinds and the pen."""

import dataclasses

import numpy as np
import pytest

from sample.drawing import DRAWINGS, draw
from sample.picture.categories import CATEGORIES
from sample.picture.identity import identity
from sample.picture.pen import SPRITE

KINDS = [(category, kind) for category in CATEGORIES for kind in category.kinds]


def test_every_kind_of_product_can_be_drawn():
    assert sorted(DRAWINGS) == sorted(kind for _, kind in KINDS)
    assert all(len(category.kinds) >= 4 for category in CATEGORIES)


@pytest.mark.parametrize(("category", "kind"), KINDS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_kind_fills_its_square_without_being_cropped(category, kind):
    for style in range(3):
        shape = {"category": category, "kind": kind, "style": style, "parts": style}
        wide = dataclasses.replace(identity(0, seed=0), **shape, wide=1.12, tall=0.88)
        tall = dataclasses.replace(wide, wide=0.88, tall=1.12)
        for it in (wide, tall):
            sprite = draw(it)
            box = sprite.getbbox()
            assert box is not None
            left, top, right, bottom = box
            assert sprite.size == (SPRITE, SPRITE)
            assert min(left, top) > 0
            assert max(right, bottom) < SPRITE
            assert max(right - left, bottom - top) > SPRITE / 2


@pytest.mark.parametrize("trait", [{"parts": 0}, {"style": 1}, {"pattern": "dots"}, {"decal": "star"}, {"wide": 0.9}])
def test_each_trait_is_visible(trait):
    it = dataclasses.replace(
        identity(0, seed=0), parts=2, style=0, pattern="plain", decal="none", wide=1.0, period=13.0
    )
    one, other = (np.asarray(draw(each), int) for each in (it, dataclasses.replace(it, **trait)))
    assert (np.abs(one - other).sum(axis=2) > 60).mean() > 0.002
