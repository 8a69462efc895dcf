"""Colours: the paints of products, and the few palettes of each category."""

import functools
import random
from dataclasses import dataclass

Colour = tuple[int, int, int]

PALETTES_PER_CATEGORY = 96

PAINTS: dict[str, Colour] = {
    "red": (214, 48, 49),
    "orange": (235, 122, 40),
    "yellow": (245, 205, 66),
    "green": (98, 176, 72),
    "bottle green": (28, 104, 74),
    "teal": (38, 166, 164),
    "sky blue": (92, 172, 232),
    "navy": (36, 74, 168),
    "purple": (118, 66, 168),
    "pink": (236, 130, 176),
    "burgundy": (128, 40, 62),
    "brown": (140, 92, 54),
    "beige": (222, 196, 158),
    "white": (246, 246, 242),
    "grey": (150, 154, 160),
    "charcoal": (62, 64, 72),
}

STEEL: Colour = (188, 194, 202)
IRON: Colour = (110, 116, 126)
DARK: Colour = (48, 49, 56)
WOOD: Colour = (170, 122, 76)
CREAM: Colour = (240, 232, 214)
WHITE: Colour = (248, 248, 246)
GLASS: Colour = (170, 208, 226)
LEAF: Colour = (72, 140, 66)


@dataclass(frozen=True)
class Palette:
    """The three paints of a product: its body, its pattern and trim, and its decal."""

    main: Colour
    second: Colour
    accent: Colour

    @property
    def name(self) -> str:
        """The three paints as hexadecimal digits, for the ground truth file."""
        return "-".join("{:02x}{:02x}{:02x}".format(*paint) for paint in (self.main, self.second, self.accent))


@functools.cache
def palettes(category: str, seed: int) -> tuple[Palette, ...]:
    """The palettes of a category. There are so few that most products share theirs with another product."""
    rng = random.Random(f"palettes/{seed}/{category}")
    paints = list(PAINTS.values())
    chosen: list[Palette] = []
    while len(chosen) < PALETTES_PER_CATEGORY:
        palette = Palette(rng.choice(paints), *rng.sample(paints, 2))
        if _apart(palette.main, palette.second) and _apart(palette.main, palette.accent) and palette not in chosen:
            chosen.append(palette)
    return tuple(chosen)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor below 1) or lighter (above), each channel kept within a byte."""
    red, green, blue = (max(0, min(255, round(channel * factor))) for channel in colour)
    return red, green, blue


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """A mix of two colours; `share` is the share of the second."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _apart(one: Colour, other: Colour) -> bool:
    """Whether a person can distinguish the two paints when one is drawn on the other."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 160
