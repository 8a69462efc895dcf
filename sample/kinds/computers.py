"""Computers & Software: laptop, monitor, mouse, printer."""

from sample.picture.colours import DARK, GLASS, IRON, STEEL, WHITE
from sample.picture.pen import Pen


def laptop(pen: Pen) -> None:
    """An open laptop: screen with windows, keys, touchpad."""
    pen.poly([(18, 10), (82, 10), (82, 60), (18, 60)], pen.main)
    pen.box(23, 15, 77, 56, GLASS if pen.style else DARK)
    pen.box(28, 20, 52 + 6 * pen.parts, 40, pen.second)
    pen.decal(64, 45, 7)
    pen.poly([(18, 60), (82, 60), (97, 86), (3, 86)], pen.main)
    for i in range(4):
        y, grow = 64 + 3.6 * i, 2.1 * i
        pen.line([(22 - grow, y), (78 + grow, y)], 2.2, DARK)
    pen.poly([(42, 79), (58, 79), (60, 84.5), (40, 84.5)], pen.accent if pen.style == 2 else STEEL)
    pen.poly([(3, 86), (97, 86), (94, 90), (6, 90)], IRON)


def monitor(pen: Pen) -> None:
    """A flat screen on a foot, with a chart or a desktop on it."""
    pen.box(46, 66, 54, 86, IRON)
    if pen.style == 1:
        pen.oval(28, 82, 72, 92, pen.second)
    else:
        pen.box(28, 84, 72, 90, pen.second, r=2)
    pen.box(4, 12, 96, 70, pen.main, r=3)
    pen.box(9, 17, 91, 62, DARK if pen.style else GLASS)
    for i in range(3 + pen.parts):
        height = (14, 24, 18, 32, 26)[i]
        pen.box(14 + 8 * i, 58 - height, 20 + 8 * i, 58, pen.second)
    pen.decal(74, 38, 9)
    pen.disc(50, 66, 2, pen.accent)


def mouse(pen: Pen) -> None:
    """A computer mouse from above: two buttons, a wheel; some have a cable."""
    if pen.style:
        pen.curve([(50, 22), (50, 10), (62, 6), (72, 2)], 2.4, DARK)
    pen.blob(
        [(50, 16), (68, 20), (76, 42), (76, 68), (66, 90), (50, 95), (34, 90), (24, 68), (24, 42), (32, 20)], pen.paint
    )
    pen.blob([(32, 64), (50, 60), (68, 64), (67, 79), (50, 91), (33, 79)], pen.main)
    pen.blob([(49, 17), (33, 22), (26, 42), (27, 52), (49, 52)], pen.second)
    if pen.parts:
        pen.blob([(51, 17), (67, 22), (74, 42), (73, 52), (51, 52)], pen.second)
    pen.line([(50, 18), (50, 54)], 2, DARK)
    pen.box(46, 26, 54, 44, pen.accent, r=4)
    if pen.parts == 2:
        for y in (58, 66):
            pen.box(23, y, 28, y + 6, DARK, r=2)
    pen.decal(50, 74, 9)


def printer(pen: Pen) -> None:
    """A desk printer with paper in both trays."""
    pen.poly([(28, 6), (72, 6), (76, 38), (24, 38)], WHITE)
    pen.poly([(20, 20), (26, 20), (26, 38), (14, 38)], pen.second)
    pen.poly([(74, 20), (80, 20), (86, 38), (74, 38)], pen.second)
    pen.box(6, 34, 94, 78, pen.main, r=5)
    pen.box(14, 40, 44, 50, DARK, r=2)
    for i in range(2 + pen.parts):
        pen.disc(56 + 8 * i, 45, 3, pen.accent)
    pen.box(18, 60, 82, 68, DARK, r=1)
    pen.poly([(24, 64), (76, 64), (84, 92), (16, 92)], WHITE)
    for i in range(3 if pen.style else 2):
        pen.line([(30, 71 + 6 * i), (66 - 8 * (i % 2), 71 + 6 * i)], 1.8, IRON)
    if pen.style == 2:
        pen.box(6, 72, 94, 78, pen.second, r=2)
    pen.decal(50, 55, 5)
