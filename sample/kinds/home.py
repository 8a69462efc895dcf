"""Home & Garden: sofa, lamp, plant pot, bed."""

from sample.picture.colours import CREAM, DARK, LEAF, WHITE, WOOD
from sample.picture.pen import Pen


def sofa(pen: Pen) -> None:
    """A sofa with two to four seats, rounded or square arms, and a cushion."""
    seats, top = 2 + pen.parts, 30 + 4 * pen.style
    for x in (18, 76):
        pen.box(x, 74, x + 6, 82, WOOD)
    pen.box(12, top, 88, 66, pen.paint, r=6)
    for i in range(seats):
        pen.box(17 + i * 66 / seats, 51, 17 + (i + 1) * 66 / seats, 65, pen.main, r=3)
    pen.box(14, 63, 86, 76, pen.paint, r=2)
    for x in (5, 82):
        pen.box(x, 44, x + 13, 76, pen.second, r=6 if pen.style else 1)
    pen.poly([(26, 40), (41, 43), (39, 58), (24, 55)], pen.accent)
    pen.decal(66, 43, 6)


def lamp(pen: Pen) -> None:
    """A table or floor lamp: shade, stem with beads, foot."""
    pen.box(48, 38, 52, 90, pen.second)
    for i in range(pen.parts):
        pen.disc(50, 56 + 12 * i, 6, pen.accent)
    pen.oval(32, 86, 68, 95, pen.second)
    narrow = (14, 20, 26)[pen.style]
    pen.poly([(50 - narrow, 8), (50 + narrow, 8), (80, 48), (20, 48)], pen.main)
    pen.line([(64, 49), (64, 60)], 1.2, pen.accent)
    pen.decal(50, 31, 8)


def plant_pot(pen: Pen) -> None:
    """A pot with leaves; some have flowers."""
    tips = [(-36, 20), (-24, 6), (-8, 2), (10, 3), (26, 8), (37, 22)][: 4 + pen.parts]
    for dx, y in tips:
        pen.blob([(50, 58), (50 + dx * 0.5 - 6, 32), (50 + dx, y), (50 + dx * 0.6 + 5, 34)], LEAF)
    if pen.style == 0:
        for dx, y in tips[1::2]:
            pen.disc(50 + dx, y + 6, 6, pen.accent)
    slope = 8 if pen.style == 1 else 3
    pen.poly([(26, 58), (74, 58), (74 - slope, 95), (26 + slope, 95)], pen.main)
    pen.box(22, 52, 78, 62, pen.second, r=2)
    pen.decal(50, 78, 8)


def bed(pen: Pen) -> None:
    """A bed seen from the foot end: headboard, pillows, cover."""
    if pen.style == 2:
        pen.oval(10, 12, 90, 70, pen.second)
    else:
        pen.box(10, 20, 90, 64, pen.second, r=8 * pen.style)
    for i in range(2):
        pen.box(18 + 33 * i, 36, 49 + 33 * i, 54, WHITE, r=5)
    pen.poly([(14, 50), (86, 50), (95, 82), (5, 82)], pen.main)
    pen.poly([(14, 50), (86, 50), (88, 57), (12, 57)], CREAM)
    pen.box(5, 80, 95, 88, pen.second if pen.parts else WOOD)
    for x in (8, 86):
        pen.box(x, 88, x + 6, 94, DARK)
    pen.decal(50, 69, 8)
