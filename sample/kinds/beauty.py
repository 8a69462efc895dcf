"""Health & Beauty: perfume, lipstick, hairdryer, hairbrush."""

from sample.picture.colours import DARK, GLASS, IRON, STEEL, WHITE
from sample.picture.pen import Pen


def perfume(pen: Pen) -> None:
    """A glass bottle with a stopper; some have a bulb."""
    if pen.parts == 2:
        pen.curve([(52, 28), (70, 22), (80, 30)], 2, DARK)
        pen.disc(83, 36, 9, pen.accent)
    pen.box(44, 24, 56, 40, STEEL)
    if pen.parts == 1:
        pen.disc(50, 16, 12, pen.second)
    else:
        pen.box(38, 8, 62, 28, pen.second, r=3)
    if pen.style == 0:
        pen.box(22, 38, 78, 94, GLASS, r=6)
        pen.box(27, 54, 73, 90, pen.main, r=3)
    elif pen.style == 1:
        pen.disc(50, 66, 30, GLASS)
        pen.disc(50, 66, 24, pen.main)
    else:
        pen.poly([(40, 38), (60, 38), (82, 94), (18, 94)], GLASS)
        pen.poly([(37, 56), (63, 56), (76, 90), (24, 90)], pen.main)
    pen.box(36, 60, 64, 84, WHITE, r=1)
    pen.decal(50, 72, 8)


def lipstick(pen: Pen) -> None:
    """An open lipstick, its cap beside it."""
    pen.box(66, 44, 90, 94, pen.main, r=3)
    pen.box(66, 78, 90, 84, pen.second)
    top = 8 + 5 * pen.parts
    slant = 10 if pen.style else 4
    pen.poly([(26, top + slant), (34, top), (44, top), (48, top + slant + 4), (48, 52), (26, 52)], pen.accent)
    pen.box(24, 44, 50, 66, STEEL if pen.style == 1 else IRON, r=1)
    pen.box(18, 62, 56, 94, pen.main, r=3)
    pen.box(18, 62, 56, 68, pen.second)
    pen.decal(37, 81, 8)


def hairdryer(pen: Pen) -> None:
    """A hairdryer: barrel, nozzle, folding handle, cable."""
    pen.curve([(48, 90), (54, 98), (70, 94), (86, 98)], 2.4, DARK)
    pen.poly([(34, 46), (54, 46), (56, 90), (42, 92)], pen.second)
    for i in range(1 + pen.parts):
        pen.box(43, 56 + 9 * i, 51, 61 + 9 * i, pen.accent, r=1.5)
    pen.poly([(66, 18), (96, 12 + 4 * pen.style), (96, 54 - 4 * pen.style), (66, 48)], DARK)
    pen.blob([(10, 20), (24, 8), (48, 12), (72, 18), (72, 48), (48, 54), (24, 56), (10, 46)], pen.main)
    pen.disc(19, 33, 11, IRON)
    for dx in (-5, 0, 5):
        pen.line([(19 + dx, 26), (19 + dx, 40)], 1.4, DARK)
    pen.decal(48, 32, 10)


def hairbrush(pen: Pen) -> None:
    """A paddle or round hairbrush with its bristles showing."""
    pen.poly([(45, 52), (55, 52), (57, 94), (43, 94)], pen.second)
    pen.disc(50, 92, 6, pen.second)
    half = (17, 22, 26)[pen.style]
    if pen.style == 2:
        pen.box(50 - half, 6, 50 + half, 60, pen.main, r=9)
    else:
        pen.oval(50 - half, 4, 50 + half, 62, pen.main)
    pen.oval(50 - half + 6, 11, 50 + half - 6, 55, DARK)
    columns = 3 + pen.parts
    for row in range(6):
        for column in range(columns):
            x = 50 + (half - 12) * (2 * column / (columns - 1) - 1)
            pen.disc(x, 19 + 6 * row, 1.5, WHITE)
    pen.disc(50, 92, 2.4, DARK)
    pen.decal(50, 74, 6)
