"""Baby & Kids Stuff: pram, cot, teddy, stacking rings."""

from sample.picture.colours import CREAM, DARK, IRON, STEEL, WOOD, Colour
from sample.picture.pen import Pen


def pram(pen: Pen) -> None:
    """A carriage with a folding hood, a handle and two big wheels."""
    pen.line([(80, 46), (95, 20), (99, 20)], 3, DARK)
    pen.line([(32, 64), (66, 84)], 3, STEEL)
    pen.line([(68, 64), (34, 84)], 3, STEEL)
    pen.blob([(10, 46), (16, 22), (34, 8), (52, 12), (52, 46)], pen.second)
    for i in range(1 + pen.parts):
        pen.curve([(50, 44), (32 + 7 * i, 26), (26 + 9 * i, 12)], 1.2, DARK)
    pen.blob([(10, 44), (50, 46), (86, 44), (80, 62), (62, 70), (34, 70), (16, 62)], pen.main)
    for x in (28, 72):
        pen.hoop(x, 82, 13, 3.2, DARK)
        for dx, dy in ((0, 11), (11, 0), (8, 8), (-8, 8)):
            pen.line([(x - dx, 82 - dy), (x + dx, 82 + dy)], 0.8, STEEL)
        pen.disc(x, 82, 4, pen.accent)
    pen.decal(50, 57, 7)


def cot(pen: Pen) -> None:
    """A cot with bars and a mattress; some have a mobile."""
    bars = 6 + 2 * pen.parts
    pen.box(16, 24, 84, 34, pen.second, r=4)
    for i in range(bars):
        x = 16 + 66 * i / (bars - 1)
        pen.box(x, 30, x + 2.4, 62, CREAM)
    pen.box(12, 60, 88, 76, pen.main, r=3)
    pen.poly([(24, 60), (44, 52), (50, 60)], pen.accent)
    for x in (8, 86):
        pen.box(x, 16 + 4 * pen.style, x + 7, 90, pen.second, r=2)
        pen.disc(x + 3.5, 16 + 4 * pen.style, 5, pen.accent)
    pen.box(8, 72, 92, 80, pen.second, r=2)
    for i in range(bars // 2):
        x = 22 + 56 * i / (bars // 2 - 1)
        pen.box(x - 1.4, 34, x + 1.4, 74, WOOD)
    pen.box(8, 30, 92, 36, pen.second, r=2)
    pen.decal(50, 67, 6)


def teddy(pen: Pen) -> None:
    """A sitting bear with a belly, a bow or a scarf."""
    for x in (30, 70):
        pen.disc(x, 15, 10, pen.main)
        pen.disc(x, 15, 5, pen.second)
    for x, turn in ((20, -1), (80, 1)):
        pen.blob([(x - 4 * turn, 48), (x + 8 * turn, 58), (x + 5 * turn, 72), (x - 8 * turn, 64)], pen.main)
    pen.oval(24, 42, 76, 90, pen.main)
    pen.oval(34, 54, 66, 86, pen.second)
    for x in (26, 74):
        pen.disc(x, 86, 11, pen.main)
        pen.disc(x, 87, 6, pen.second)
    pen.disc(50, 29, 23, pen.main)
    pen.oval(38, 30, 62, 47, CREAM)
    for x in (41, 59):
        pen.disc(x, 25, 3, DARK)
    pen.oval(46, 31, 54, 37, DARK)
    if pen.style:
        for side in (-1, 1):
            pen.poly([(50, 51), (50 + 14 * side, 44), (50 + 14 * side, 58)], pen.accent)
    pen.decal(50, 70, 7 + pen.parts)


def stacking_rings(pen: Pen) -> None:
    """Rings of decreasing size on a peg, in alternating paints."""
    count = 4 + pen.parts
    paints: tuple[Colour, ...] = (pen.second, pen.accent, IRON if pen.style == 2 else CREAM)
    pen.box(47, 10, 53, 80, WOOD, r=2)
    pen.oval(14, 78, 86, 96, pen.main)
    height = 66 / count
    for i in range(count):
        half, bottom = 34 - 20 * i / (count - 1), 84 - i * height
        fill = pen.main if i % 2 == pen.style % 2 else paints[i // 2 % 3]
        pen.box(50 - half, bottom - height, 50 + half, bottom, fill, r=height / 2)
    pen.disc(50, 12, 7, pen.accent)
    pen.decal(50, 78, 5)
