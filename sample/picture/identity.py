"""The identity of a product: everything that is the same in all its photos."""

import random
from dataclasses import dataclass

from sample.picture.categories import CATEGORIES, Category
from sample.picture.colours import Palette, palettes
from sample.picture.decals import DECALS
from sample.picture.patterns import PATTERNS

PLAIN_DECAL = "none"


@dataclass(frozen=True)
class Identity:
    """The kind and the look of a product. Angles are in degrees, lengths in hundredths of the side of the drawing."""

    category: Category
    kind: str
    palette: Palette
    pattern: str
    period: float
    angle: float
    decal: str
    wide: float
    tall: float
    parts: int
    style: int


def identity(number: int, seed: int) -> Identity:
    """The identity of product `number` (0, 1, ...) in the catalogue of this seed.

    Product numbers cycle through the categories, and within a category through its kinds. Every catalogue with more
    than a few dozen products therefore contains all of them.
    """
    rng = random.Random(f"identity/{seed}/{number}")
    category = CATEGORIES[number % len(CATEGORIES)]
    kinds = list(category.kinds)
    stretch = rng.uniform(-0.12, 0.12)
    return Identity(
        category=category,
        kind=kinds[number // len(CATEGORIES) % len(kinds)],
        palette=rng.choice(palettes(category.name, seed)),
        pattern=rng.choice(("plain", "plain", *PATTERNS)),
        period=rng.choice((13.0, 18.0, 25.0)),
        angle=rng.choice((0.0, 45.0, 90.0, 135.0)),
        decal=rng.choice((PLAIN_DECAL, *DECALS)),
        wide=1 + stretch,
        tall=1 - stretch,
        parts=rng.choice((0, 0, 1, 1, 1, 2)),
        style=rng.choice((0, 0, 0, 0, 1, 2)),
    )
