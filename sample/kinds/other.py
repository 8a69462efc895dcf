"""Other Goods: umbrella, clock, picture, birdcage."""

import math

from sample.picture.colours import CREAM, DARK, GLASS, LEAF, STEEL, WHITE, WOOD
from sample.picture.pen import Pen


def umbrella(pen: Pen) -> None:
    """An open umbrella with scalloped panels and a hooked handle."""
    panels = 3 + pen.parts
    pen.line([(50, 8), (50, 84)], 2.6, DARK)
    pen.curve([(50, 84), (50, 92), (57, 95), (63, 90)], 4, WOOD if pen.style else pen.accent)
    dome = [(50 + 46 * math.cos(math.radians(a)), 52 + 40 * math.sin(math.radians(a))) for a in range(180, 361, 12)]
    scallops = [
        (96 - 92 * (i + t) / panels, 52 - 7 * math.sin(math.pi * t))
        for i in range(panels)
        for t in (0.25, 0.5, 0.75, 1)
    ]
    pen.poly([*dome, *scallops], pen.main)
    for i in range(panels):
        if i % 2 == pen.style % 2:
            left, right = 4 + 92 * i / panels, 4 + 92 * (i + 1) / panels
            pen.poly([(50, 12), (left, 51), ((left + right) / 2, 45), (right, 51)], pen.second)
    pen.line([(50, 4), (50, 12)], 3, pen.accent)
    pen.decal(50, 30, 7)


def clock(pen: Pen) -> None:
    """A round wall clock, or an alarm clock with bells."""
    if pen.style == 1:
        for x in (26, 74):
            pen.disc(x, 16, 12, pen.second)
            pen.line([(50 + (x - 50) * 0.7, 80), (x, 94)], 5, DARK)
    pen.disc(50, 52, 42, pen.main)
    pen.disc(50, 52, 32, CREAM if pen.parts else WHITE)
    for hour in range(12):
        angle = math.radians(30 * hour)
        inner = 22 if hour % 3 == 0 else 26
        pen.line(
            [(50 + r * math.sin(angle), 52 - r * math.cos(angle)) for r in (inner, 29)],
            2.5,
            pen.second if hour % 3 else DARK,
        )
    pen.line([(50, 52), (50 - 10, 52 - 14 - 4 * pen.parts)], 4, DARK)
    pen.line([(50, 52), (50 + 20, 52 - 10 + 8 * pen.parts)], 3, DARK)
    pen.disc(50, 52, 4, pen.accent)
    pen.decal(50, 69, 6)


def picture(pen: Pen) -> None:
    """A framed landscape, still life or abstract."""
    pen.box(6, 12, 94, 88, pen.main, r=1)
    pen.box(17, 23, 83, 77, WHITE)
    if pen.style == 0:
        pen.box(22, 28, 78, 72, GLASS)
        pen.disc(36 + 14 * pen.parts, 40, 7, pen.accent)
        pen.poly([(22, 72), (40, 46), (52, 60), (62, 44), (78, 72)], LEAF)
    elif pen.style == 1:
        pen.box(22, 28, 78, 72, CREAM)
        pen.poly([(42, 70), (38, 52), (62, 52), (58, 70)], pen.second)
        for i in range(3 + pen.parts):
            pen.disc(34 + 32 * i / (2 + pen.parts), 42 + 4 * (i % 2), 6, pen.accent)
    else:
        pen.box(22, 28, 78, 72, pen.second)
        pen.poly([(22, 28), (30 + 16 * pen.parts, 28), (22, 72)], DARK)
        pen.disc(62, 50, 12, pen.accent)
    pen.line([(40, 12), (50, 3), (60, 12)], 1.4, STEEL)
    pen.decal(72, 66, 6)


def birdcage(pen: Pen) -> None:
    """A domed wire cage with a bird on its perch."""
    bars = 6 + pen.parts
    pen.hoop(50, 8, 6, 2, pen.second)
    dome = [(50 + 34 * math.cos(math.radians(a)), 44 + 32 * math.sin(math.radians(a))) for a in range(180, 361, 10)]
    pen.line([(24, 62), (76, 62)], 2.2, WOOD)
    pen.blob([(38, 46), (48, 38), (58, 44), (62, 58), (72, 68), (54, 62), (42, 58)], pen.accent)
    pen.disc(42, 42, 7, pen.accent)
    pen.poly([(36, 40), (29, 43), (36, 45)], WOOD)
    pen.curve(dome, 2.6, pen.second)
    for i in range(bars + 1):
        x = 16 + 68 * i / bars
        pen.line([(x, 44 - 32 * math.sqrt(max(0.0, 1 - ((x - 50) / 34) ** 2))), (x, 82)], 1.3, pen.second)
    pen.line([(16, 44), (84, 44)], 2.2, pen.second)
    pen.box(11, 78, 89, 95, pen.main, r=3 * pen.style)
    pen.decal(50, 86, 7)
