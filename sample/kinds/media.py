"""Music, Films, Books & Games: guitar, record, book, keyboard."""

from sample.picture.colours import CREAM, DARK, STEEL, WHITE, WOOD
from sample.picture.pen import Pen


def guitar(pen: Pen) -> None:
    """An acoustic or an electric guitar, upright."""
    pen.box(43, 2, 57, 14, pen.second, r=2)
    for i in range(3):
        for x in (41, 59):
            pen.disc(x, 4.5 + 3.5 * i, 1.6, STEEL)
    if pen.style == 0:
        pen.blob([(50, 44), (66, 44), (68, 54), (66, 64), (78, 80), (66, 96), (50, 97), (34, 96), (22, 80), (34, 64),
                  (32, 54), (34, 44)], pen.main)  # fmt: skip
        pen.disc(50, 66, 9, DARK)
    else:
        horn = 34 if pen.style == 1 else 40
        pen.blob([(44, 54), (34, horn), (26, 46), (32, 62), (24, 78), (32, 94), (50, 96), (70, 94), (76, 78), (68, 62),
                  (72, horn + 6), (64, 42), (56, 54)], pen.main)  # fmt: skip
        pen.blob([(58, 60), (66, 66), (66, 84), (56, 86)], pen.second)
        for i in range(1 + pen.parts):
            pen.box(44, 62 + 6 * i, 56, 66 + 6 * i, DARK)
    pen.box(46, 12, 54, 62, WOOD)
    for i in range(6):
        pen.line([(46.5, 20 + 7 * i), (53.5, 20 + 7 * i)], 0.9, STEEL)
    pen.box(41, 82, 59, 86, DARK)
    for x in (48, 50, 52):
        pen.line([(x, 12), (x, 83)], 0.4, WHITE)
    pen.decal(34, 82, 6)


def record(pen: Pen) -> None:
    """A vinyl record half out of its sleeve."""
    pen.disc(64, 50, 33, DARK)
    for r in (30, 26, 22, 18):
        pen.hoop(64, 50, r, 0.7, (84, 86, 94))
    pen.disc(64, 50, 12, pen.accent)
    pen.disc(64, 50, 2, WHITE)
    right = (52, 58, 64)[pen.parts]
    pen.box(6, 16, right, 84, pen.main)
    if pen.style == 0:
        pen.box(6, 16, right, 27, pen.second)
    elif pen.style == 1:
        pen.disc((6 + right) / 2, 50, 16, pen.second)
    else:
        pen.box(11, 66, right - 5, 78, pen.second)
    pen.decal((6 + right) / 2, 50, 10)


def book(pen: Pen) -> None:
    """A book standing at an angle: cover, spine, pages, title lines."""
    thick = 8 + 3 * pen.parts
    pen.poly([(22 + thick, 8), (84, 8), (84 + 4, 12), (88, 93), (22 + thick, 93)], CREAM)
    pen.poly([(86, 14), (92, 18), (92, 90), (86, 92)], CREAM)
    pen.poly([(14, 14), (14 + thick, 8), (14 + thick, 92), (14, 96)], pen.second)
    pen.box(14 + thick, 8, 84, 92, pen.paint)
    pen.box(14 + thick, 36, 84, 63, pen.main)
    top = 18 if pen.style else 66
    pen.box(22 + thick, top, 78, top + 15, CREAM)
    for i in range(2):
        pen.line([(26 + thick, top + 5 + 5 * i), (74 - 12 * i, top + 5 + 5 * i)], 2, DARK)
    if pen.style == 2:
        pen.box(66, 6, 72, 34, pen.accent)
    pen.decal(50 + thick / 2, 50, 11)


def keyboard(pen: Pen) -> None:
    """An electric piano with black and white keys; some are on a stand."""
    if pen.style:
        for side in (-1, 1):
            pen.line([(50 - 26 * side, 62), (50 + 26 * side, 94)], 3.4, DARK)
    pen.box(3, 28, 97, 68, pen.main, r=3)
    pen.box(8, 32, 30, 42, DARK, r=1)
    for i in range(2 + pen.parts):
        pen.disc(70 + 6 * i, 37, 2.6, pen.accent)
    count = 14
    for i in range(count):
        pen.box(6 + 88 * i / count, 46, 6 + 88 * (i + 1) / count, 68, WHITE)
    for i in range(count - 1):
        if i % 7 not in (2, 6):
            x = 6 + 88 * (i + 1) / count
            pen.box(x - 1.9, 46, x + 1.9, 58, DARK)
    pen.line([(5, 45), (95, 45)], 2, pen.second)
    pen.decal(50, 37, 6)
