"""Clothes, Footwear & Accessories: shoe, T-shirt, dress, handbag."""

from sample.picture.colours import DARK, STEEL, WHITE
from sample.picture.pen import Pen


def shoe(pen: Pen) -> None:
    """A trainer from its side: sole, toe cap, laces."""
    high = 26 - 7 * pen.style
    pen.blob(
        [(6, high), (26, high + 2), (44, 42), (70, 54), (93, 62), (96, 76), (60, 78), (8, 78), (6, 50)],
        pen.main,
    )
    pen.blob([(74, 56), (92, 62), (96, 76), (78, 77)], pen.second)
    pen.poly([(6, 44), (17, 46), (19, 76), (6, 76)], pen.second)
    pen.box(3, 74, 98, 84, WHITE, r=4)
    pen.line([(4, 84), (97, 84)], 2.2, DARK)
    for i in range(3 + pen.parts):
        x, y = 32 + 8 * i, high * 0.5 + 20 + 4.5 * i
        pen.line([(x, y), (x - 5, y + 9)], 2.2, pen.accent)
    pen.decal(34, 64, 7)


def t_shirt(pen: Pen) -> None:
    """A T-shirt with short or long sleeves and a round neck or a V-neck."""
    cuff = (38, 46, 68)[pen.parts]
    for side in (-1, 1):
        pen.poly(
            [(50 + 20 * side, 14), (50 + 34 * side, 20), (50 + 45 * side, cuff), (50 + 33 * side, cuff + 5),
             (50 + 24 * side, 34)],
            pen.second if pen.style == 2 else pen.paint,
        )  # fmt: skip
    pen.poly([(28, 13), (40, 10), (60, 10), (72, 13), (76, 34), (75, 92), (25, 92), (24, 34)], pen.main)
    if pen.style == 1:
        pen.poly([(38, 10), (62, 10), (50, 30)], pen.second)
    else:
        pen.oval(37, 3, 63, 19, pen.second)
    pen.decal(50, 46, 13)


def dress(pen: Pen) -> None:
    """A dress: bodice, belt, a narrow or wide skirt."""
    wide = (22, 30, 38)[pen.style]
    hem = 82 + 6 * pen.parts
    for x in (38, 62):
        pen.line([(x, 6), (x, 18)], 3, pen.second)
    pen.blob([(36, 14), (44, 20), (56, 20), (64, 14), (66, 28), (61, 44), (39, 44), (34, 28)], pen.paint)
    pen.poly([(39, 44), (61, 44), (50 + wide, hem), (50 + wide / 2, hem + 3), (50, hem), (50 - wide / 2, hem + 3),
              (50 - wide, hem)], pen.main)  # fmt: skip
    pen.box(38, 41, 62, 47, pen.accent)
    pen.line([(50 - wide + 1, hem - 3), (50 + wide - 1, hem - 3)], 3.5, pen.second)
    pen.decal(50, 66, 8)


def handbag(pen: Pen) -> None:
    """A handbag with one or two handles, a flap and a clasp."""
    for i in range(1 + pen.parts % 2):
        pen.curve(
            [(30 + 3 * i, 46), (34 + 3 * i, 16 + 7 * i), (66 - 3 * i, 16 + 7 * i), (70 - 3 * i, 46)], 4, pen.second
        )
    spread = 6 * pen.style
    pen.poly([(18 + spread, 40), (82 - spread, 40), (92, 88), (8, 88)], pen.main)
    pen.poly([(18 + spread, 40), (82 - spread, 40), (78, 62), (22, 62)], pen.paint if pen.parts == 0 else pen.second)
    pen.box(45, 56, 55, 66, STEEL if pen.style == 1 else pen.accent, r=2)
    pen.line([(10, 86), (90, 86)], 3, pen.second)
    pen.decal(50, 76, 7)
