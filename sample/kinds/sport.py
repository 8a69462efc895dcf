"""Sports, Leisure & Travel: football, bicycle, tent, suitcase."""

import math

from sample.picture.colours import DARK, STEEL
from sample.picture.pen import Pen


def football(pen: Pen) -> None:
    """A ball with pentagon patches and seams."""
    turn = 24 * pen.parts
    pen.disc(50, 50, 42, pen.paint)

    def spot(distance: float, angle: float) -> tuple[float, float]:
        return 50 + distance * math.sin(math.radians(angle)), 50 - distance * math.cos(math.radians(angle))

    size = 12 + 2 * pen.style
    for i in range(5):
        angle = turn + 72 * i
        pen.line([spot(size, angle), spot(28, angle)], 1.4, DARK)
        pen.line([spot(28, angle), spot(33, angle - 20)], 1.4, DARK)
        pen.line([spot(28, angle), spot(33, angle + 20)], 1.4, DARK)
        rim = ((40, 24), (32, 22), (28, 36), (32, 50), (40, 48))
        pen.poly([spot(distance, angle + further) for distance, further in rim], pen.second)
    pen.poly([spot(size, turn + 72 * i) for i in range(5)], pen.accent)


def bicycle(pen: Pen) -> None:
    """A bicycle from its side, with straight or dropped bars, a basket or mudguards."""
    for x in (24, 76):
        pen.hoop(x, 66, 22, 3.4, DARK)
        for angle in range(0, 180, 36):
            dx, dy = 19 * math.cos(math.radians(angle)), 19 * math.sin(math.radians(angle))
            pen.line([(x - dx, 66 - dy), (x + dx, 66 + dy)], 0.6, STEEL)
        pen.disc(x, 66, 3.5, pen.second)
    if pen.parts == 2:
        pen.box(72, 24, 92, 42, pen.second, r=2)
    seat, head, crank = (36, 38), (67, 36), (46, 67)
    for path in ([(24, 66), seat, crank, (24, 66)], [seat, head, crank], [head, (76, 66)]):
        pen.line(path, 4.6, pen.paint)
    if pen.style == 0:
        pen.line([(33, 46), (66, 44)], 4.6, pen.paint)
    pen.line([seat, (34, 30)], 3, STEEL)
    pen.box(25, 26, 43, 31, pen.accent, r=2.5)
    pen.line([head, (65, 26)], 3, STEEL)
    bars = ([(65, 26), (58, 24)], [(65, 26), (76, 24), (80, 30), (74, 34)], [(65, 26), (60, 18), (54, 20)])[pen.style]
    pen.curve(bars, 3.4, pen.second)
    pen.hoop(46, 67, 7, 2.4, pen.second)
    pen.line([(46, 67), (52, 77), (57, 77)], 2, DARK)
    if pen.parts == 1:
        pen.curve([(4, 54), (16, 42), (32, 44)], 2.6, pen.second)
    pen.decal(51, 50, 7)


def tent(pen: Pen) -> None:
    """A ridge tent or a dome with an open door and guy ropes."""
    for side in (-1, 1):
        pen.line([(50 + 24 * side, 46), (50 + 48 * side, 84)], 1, STEEL)
    if pen.style == 1:
        pen.blob([(8, 82), (16, 46), (50, 20), (84, 46), (92, 82), (50, 84)], pen.main)
    else:
        pen.poly([(50, 16), (92, 84), (8, 84)], pen.main)
        if pen.style == 2:
            pen.poly([(50, 16), (60, 14), (98, 76), (92, 84)], pen.second)
    half = 10.0 + 4 * pen.parts
    pen.poly([(50, 40), (50 + half, 84), (50 - half, 84)], DARK)
    pen.poly([(50, 40), (50 - half, 84), (50 - half - 9, 84)], pen.second)
    pen.line([(50, 16 if pen.style != 1 else 20), (50, 40)], 2, pen.second)
    pen.line([(6, 85), (94, 85)], 2.4, pen.accent)
    pen.decal(50, 33, 6)


def suitcase(pen: Pen) -> None:
    """A trolley case: handle, ribs or straps, wheels."""
    for x in (38, 62):
        pen.line([(x, 22), (x, 8)], 2.4, STEEL)
    pen.line([(38, 8), (62, 8)], 4.4, DARK)
    for x in (30, 70):
        pen.disc(x, 92, 5, DARK)
    pen.box(20, 20, 80, 90, pen.main, r=7)
    if pen.style == 0:
        for i in range(2 + pen.parts):
            rib = 26 + 48 * i / (1 + pen.parts)
            pen.line([(rib, 26), (rib, 84)], 2, pen.second)
    elif pen.style == 1:
        for y in (36, 70):
            pen.box(20, y, 80, y + 6, pen.second)
    else:
        for left, top in ((20, 20), (66, 20), (20, 76), (66, 76)):
            pen.box(left, top, left + 14, top + 14, pen.second, r=4)
    pen.box(42, 17, 58, 23, DARK, r=2)
    pen.decal(50, 55, 11)
