"""Office Furniture & Equipment: desk, office chair, filing cabinet, flip chart."""

from sample.picture.colours import DARK, IRON, STEEL, WHITE
from sample.picture.pen import Pen


def desk(pen: Pen) -> None:
    """A desk with a pedestal of drawers on one side or on both."""
    drawers = 2 + pen.parts
    pen.poly([(10, 26), (90, 26), (98, 36), (2, 36)], pen.main)
    pen.box(2, 36, 98, 42, pen.main)
    sides = ((66, 94),) if pen.style else ((66, 94), (6, 34))
    if pen.style:
        for x in (5, 14):
            pen.box(x, 42, x + 4, 92, IRON)
    for left, right in sides:
        pen.box(left, 42, right, 90, pen.second)
        for i in range(drawers):
            top = 44 + 44 * i / drawers
            pen.box(left + 2, top, right - 2, top + 44 / drawers - 1.5, pen.main)
            pen.box(left + 10, top + 4, right - 10, top + 7, pen.accent)
    if pen.style == 2:
        pen.box(20, 42, 66, 60, pen.second)
    pen.decal(50, 31, 4)


def office_chair(pen: Pen) -> None:
    """A swivel chair: back, seat, gas lift, five castors; some have arms."""
    for x in (20, 36, 64, 80):
        pen.line([(50, 76), (x, 90)], 4, DARK)
        pen.disc(x, 93, 4, DARK)
    pen.line([(50, 76), (50, 90)], 4, DARK)
    pen.disc(50, 94, 4, DARK)
    pen.box(47, 60, 53, 80, STEEL)
    top = (18, 10, 4)[pen.style]
    pen.box(46, 44, 54, 62, IRON)
    pen.box(28, top, 72, 52, pen.main, r=9)
    if pen.style == 2:
        pen.box(36, 6, 64, 16, pen.second, r=4)
    pen.box(22, 56, 78, 67, pen.second, r=5)
    if pen.parts:
        for x in (12, 78):
            pen.line([(x + 5, 44), (x + 5, 62), (50, 64)][:2], 3, DARK)
            pen.box(x - 1, 40, x + 11, 46, pen.accent if pen.parts == 2 else DARK, r=3)
    pen.decal(50, 34, 9)


def filing_cabinet(pen: Pen) -> None:
    """A cabinet with two to four drawers and label holders; some have an open drawer."""
    drawers = 2 + pen.parts
    top = 30 - 12 * pen.parts
    pen.poly([(22, top + 5), (30, top - 3), (84, top - 3), (78, top + 5)], pen.second)
    pen.poly([(78, top + 5), (84, top - 3), (84, 88), (78, 95)], pen.second)
    pen.box(22, top + 5, 78, 95, pen.second)
    height = (90 - top) / drawers
    for i in range(drawers):
        y = top + 6 + i * height
        pen.box(25, y, 75, y + height - 2, pen.main)
        pen.box(40, y + height * 0.52, 60, y + height * 0.52 + 4, DARK, r=1)
        pen.box(42, y + 3, 58, y + 9, WHITE)
    pen.disc(71, top + 11, 2.4, pen.accent)
    if pen.style == 1:
        pen.poly([(25, top + 6), (75, top + 6), (82, top + 16), (18, top + 16)], DARK)
        pen.box(18, top + 14, 82, top + 12 + height, pen.main)
        pen.box(40, top + 20, 60, top + 24, DARK)
    pen.decal(34, 84, 6)


def flip_chart(pen: Pen) -> None:
    """A flip chart on an easel with a graph drawn on its sheet."""
    pen.line([(50, 8), (50, 92)], 2.6, IRON)
    for x in (14, 86):
        pen.line([(50 + (x - 50) * 0.5, 60), (x, 97)], 4, pen.second)
    pen.box(14, 6, 86, 74, WHITE)
    pen.box(11, 3, 89, 13, pen.main, r=2)
    pen.box(11, 70, 89, 78, pen.main, r=2)
    if pen.style == 0:
        pen.line([(22, 60), (38, 44), (52, 50), (76, 24)], 3, pen.accent)
    elif pen.style == 1:
        for i in range(3 + pen.parts):
            pen.box(22 + 11 * i, 54 - (12, 24, 18, 32, 8)[i], 30 + 11 * i, 62, pen.second)
    else:
        for i in range(3 + pen.parts):
            pen.line([(22, 24 + 8 * i), (76 - 9 * (i % 3), 24 + 8 * i)], 3, DARK)
    pen.decal(32, 28, 8)
