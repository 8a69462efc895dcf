"""DIY Tools & Materials: drill, hammer, saw, ladder."""

from sample.picture.colours import DARK, IRON, STEEL, WOOD
from sample.picture.pen import Pen


def drill(pen: Pen) -> None:
    """A cordless drill with its bit and battery."""
    pen.poly([(80, 30), (98, 32), (98, 34), (80, 36)], STEEL)
    pen.poly([(68, 24), (82, 28), (82, 38), (68, 42)], IRON)
    pen.poly([(24, 40), (44, 40), (40, 76), (20, 76)], pen.second)
    pen.poly([(44, 42), (52, 46), (46, 54), (42, 52)], DARK)
    pen.box(8, 18, 56, 46, pen.main, r=6)
    pen.poly([(54, 20), (70, 24), (70, 42), (54, 45)], pen.accent if pen.style == 1 else DARK)
    pen.box(10, 74, 48, 88 + 2 * pen.parts, pen.main if pen.style == 2 else DARK, r=3)
    for i in range(2 + pen.parts):
        pen.line([(14 + 5 * i, 25), (14 + 5 * i, 38)], 1.8, DARK)
    pen.decal(42, 32, 8)


def hammer(pen: Pen) -> None:
    """A claw hammer, a mallet or a sledge."""
    pen.poly([(46, 26), (54, 26), (56, 94), (44, 94)], WOOD if pen.parts == 0 else pen.main)
    pen.box(42, 60, 58, 95, pen.main, r=4)
    for i in range(1 + pen.parts):
        pen.line([(43, 66 + 8 * i), (57, 66 + 8 * i)], 2.4, pen.second)
    if pen.style == 0:
        pen.blob([(40, 14), (24, 14), (8, 32), (12, 34), (28, 26), (44, 30)], STEEL)
        pen.box(40, 12, 62, 30, STEEL)
        pen.box(60, 9, 84, 33, IRON, r=3)
    elif pen.style == 1:
        pen.box(18, 6, 82, 36, pen.second, r=4)
    else:
        pen.poly([(16, 10), (84, 10), (90, 20), (84, 31), (16, 31), (10, 20)], IRON)
    pen.box(45, 5, 55, 12, pen.accent)
    pen.decal(50, 82, 6)


def saw(pen: Pen) -> None:
    """A hand saw: toothed blade and a handle with a hole."""
    teeth = 9 + 3 * pen.parts
    tip = 46 + 5 * pen.style
    edge = [
        (96 - (96 - 34) * i / (2 * teeth), 72 - (10 - 4 * (i % 2)) * 0.5 + 3 * (i % 2)) for i in range(2 * teeth + 1)
    ]
    pen.poly([(32, 32), (96, tip), *edge], STEEL)
    pen.blob([(6, 36), (20, 26), (38, 28), (40, 50), (36, 74), (24, 80), (8, 72), (12, 54)], pen.main)
    pen.blob([(18, 42), (27, 40), (28, 54), (24, 64), (17, 60)], pen.second)
    for y in (36, 66):
        pen.disc(34, y, 2.6, pen.accent)
    pen.decal(58, 52, 7)


def ladder(pen: Pen) -> None:
    """A step ladder, or a straight one, with four to six rungs."""
    rungs = 4 + pen.parts
    spread = (0, 9, 14)[pen.style]
    if pen.style:
        for side in (-1, 1):
            pen.line([(50 + 12 * side, 12), (50 + (28 + spread) * side, 92)], 3, IRON)
    for i in range(rungs):
        y = 20 + 66 * i / (rungs - 1)
        half = 16 + spread * (y - 6) / 88
        pen.box(50 - half, y - 3, 50 + half, y + 3, pen.second)
    for side in (-1, 1):
        foot = 50 + (17 + spread) * side
        pen.poly([(50 + 13 * side, 6), (50 + 19 * side, 6), (foot + 4 * side, 95), (foot - 2 * side, 95)], pen.paint)
    if pen.style:
        pen.box(30, 6, 70, 15, pen.accent, r=2)
    pen.decal(50, 42, 8)
