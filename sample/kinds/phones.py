"""Phones, Mobile Phones & Telecoms: smartphone, smartwatch, telephone, walkie-talkie."""

from sample.picture.colours import DARK, GLASS, IRON, STEEL, WHITE
from sample.picture.pen import Pen


def smartphone(pen: Pen) -> None:
    """The back of a phone in its case, with one to three cameras, and its screen beside it."""
    pen.box(46, 10, 88, 92, DARK, r=6)
    pen.box(49, 14, 85, 88, GLASS, r=3)
    for i in range(12):
        x, y = 61 + 7.4 * (i % 3), 32 + 10 * (i // 3)
        pen.box(x, y, x + 5, y + 6, (pen.second, pen.accent, WHITE)[i * (1 + pen.style) % 3], r=1)
    pen.box(12, 6, 56, 94, pen.main, r=7)
    pen.box(16, 10, 34, 26 + 6 * pen.parts, DARK, r=4)
    for i in range(1 + pen.parts):
        pen.disc(25, 17 + 8 * i, 4, STEEL)
        pen.disc(25, 17 + 8 * i, 2, DARK)
    pen.decal(34, 58, 11)


def smartwatch(pen: Pen) -> None:
    """A watch, round or square, with its strap."""
    pen.poly([(36, 30), (64, 30), (60, 3), (40, 3)], pen.main)
    pen.poly([(36, 70), (64, 70), (60, 97), (40, 97)], pen.main)
    for i in range(2 + pen.parts):
        pen.disc(50, 94 - 5 * i, 1.5, DARK)
    pen.box(76, 45, 83, 55, pen.accent, r=2)
    if pen.style == 1:
        pen.disc(50, 50, 29, pen.second)
        pen.disc(50, 50, 23, DARK)
    else:
        pen.box(23, 24, 77, 76, pen.second, r=11 if pen.style else 4)
        pen.box(29, 30, 71, 70, DARK, r=7 if pen.style else 2)
    pen.line([(38, 40), (62, 40)], 3, WHITE)
    pen.line([(42, 62), (58, 62)], 2, GLASS)
    pen.decal(50, 51, 7)


def telephone(pen: Pen) -> None:
    """A corded desk telephone: handset on its cradle, keys or a dial."""
    pen.poly([(24, 38), (76, 38), (92, 90), (8, 90)], pen.main)
    if pen.style == 1:
        pen.disc(50, 66, 19, WHITE)
        for dx, dy in ((-11, 0), (-8, -8), (0, -11), (8, -8), (11, 0), (8, 8), (0, 11)):
            pen.disc(50 + dx, 66 + dy, 3, DARK)
        pen.disc(50, 66, 5, pen.accent)
    else:
        for i in range(12):
            x, y = 35 + 11 * (i % 3), 53 + 8.5 * (i // 3)
            pen.box(x, y, x + 8, y + 6, WHITE if pen.style else DARK, r=1)
        pen.decal(78, 80, 5)
    pen.curve([(12, 34), (4, 48), (10, 60), (3, 72), (9, 84)], 2.2, DARK)
    pen.blob([(6, 36), (8, 20), (24, 12), (50, 10), (76, 12), (92, 20), (94, 36), (76, 40), (70, 28), (50, 26),
              (30, 28), (24, 40)], pen.second)  # fmt: skip
    for i in range(pen.parts):
        pen.disc(46 + 8 * i, 18, 2.6, pen.accent)
    pen.decal(50, 44, 4.5)


def walkie_talkie(pen: Pen) -> None:
    """A hand-held radio: aerial, knob, grille, keys."""
    pen.line([(34, 34), (34, 4)], 5, DARK)
    pen.box(56, 20, 66, 34, pen.accent, r=2)
    pen.box(26, 28, 74, 96, pen.main, r=6)
    pen.box(33, 35, 67, 50, GLASS if pen.style else DARK, r=2)
    for i in range(2 + pen.parts):
        pen.line([(35, 57 + 4.5 * i), (65, 57 + 4.5 * i)], 2, DARK)
    pen.box(20, 44, 27, 62, pen.second, r=2)
    if pen.style == 2:
        for x in (36, 50, 64):
            pen.disc(x, 88, 3.4, IRON)
    else:
        pen.box(33, 84, 67, 92, pen.second, r=2)
    pen.decal(50, 77, 6)
