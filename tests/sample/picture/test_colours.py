"""Tests of `sample.colours`."""

from sample.picture.categories import CATEGORIES
from sample.picture.colours import PALETTES_PER_CATEGORY, blend, palettes, shade


def test_a_category_has_few_palettes_that_differ():
    for category in CATEGORIES:
        assert len(set(palettes(category.name, 0))) == PALETTES_PER_CATEGORY
    assert palettes(CATEGORIES[0].name, 0) != palettes(CATEGORIES[0].name, 1)


def test_shades_and_blends_stay_colours():
    assert shade((200, 100, 0), 1.5) == (255, 150, 0)
    assert shade((200, 100, 0), 0.5) == (100, 50, 0)
    assert blend((0, 100, 200), (100, 100, 0), 0.25) == (25, 100, 150)
