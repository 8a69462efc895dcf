"""Appliances: fridge, washing machine, kettle, toaster."""

from sample.picture.colours import DARK, GLASS, IRON, STEEL, WHITE
from sample.picture.pen import Pen


def fridge(pen: Pen) -> None:
    """A tall fridge freezer with door handles, magnets and a water dispenser."""
    split = (36, 52, 64)[pen.parts]
    for x in (30, 64):
        pen.box(x, 92, x + 6, 97, DARK)
    pen.box(24, 4, 76, 94, pen.paint, r=4)
    pen.box(25, split, 75, 92, pen.main, r=3)
    pen.line([(24, split), (76, split)], 2.4, DARK)
    side = 68 if pen.style else 29
    for top, bottom in ((split - 20, split - 5), (split + 5, split + 22)):
        pen.box(side, top, side + 4, bottom, STEEL, r=1.5)
    if pen.style == 2:
        pen.box(32, split + 7, 46, split + 20, DARK, r=2)
    else:
        pen.box(38, split + 8, 48, split + 18, pen.second)
    pen.decal(48, split - 16, 7)


def washing_machine(pen: Pen) -> None:
    """A front loader: drawer, dial, round door."""
    pen.box(12, 6, 88, 94, pen.main, r=4)
    pen.box(12, 6, 88, 25, WHITE if pen.style else pen.second, r=3)
    pen.box(17, 10, 40, 20, STEEL, r=1)
    pen.disc(52, 15, 6, DARK)
    for i in range(1 + pen.parts):
        pen.disc(66 + 7 * i, 15, 2.6, pen.accent)
    pen.disc(50, 59, 28, pen.second if pen.style else STEEL)
    pen.disc(50, 59, 20, DARK)
    pen.blob([(34, 62), (44, 55), (56, 62), (66, 56), (62, 71), (50, 76), (38, 71)], GLASS)
    pen.decal(21, 34, 6)
    pen.box(74, 54, 81, 64, IRON, r=2)


def kettle(pen: Pen) -> None:
    """A kettle: spout, lid with a knob, a handle at the side or over the top."""
    if pen.style == 2:
        pen.curve([(30, 40), (30, 12), (50, 4), (70, 12), (70, 40)], 5, DARK)
    else:
        pen.curve([(66, 34), (90, 32), (92, 60), (76, 78)], 6, DARK)
    pen.blob([(32, 44), (20, 38), (6, 24), (4, 30), (16, 52), (28, 66)], pen.second)
    pen.blob([(36, 30), (64, 30), (74, 50), (78, 84), (50, 88), (22, 84), (26, 50)], pen.main)
    pen.oval(34, 22, 66, 36, pen.second)
    pen.disc(50, 20, 5, pen.accent)
    pen.box(20, 84, 80, 92, DARK, r=3)
    for i in range(pen.parts):
        pen.line([(66, 52 + 10 * i), (70, 52 + 10 * i)], 3, pen.accent)
    pen.decal(48, 60, 10)


def toaster(pen: Pen) -> None:
    """A toaster with two or three slices of bread, a lever and a dial."""
    slices = 2 + pen.parts % 2
    for i in range(slices):
        x = 20 + 54 / slices * i
        pen.box(x, 14, x + 48 / slices, 50, (206, 148, 84), r=5)
    pen.box(8, 34, 88, 84, pen.main, r=14 if pen.style else 5)
    pen.line([(18, 37), (78, 37)], 3, DARK)
    pen.box(10, 76, 86, 88, pen.second, r=3)
    pen.box(87, 46, 95, 54, pen.accent, r=2)
    pen.line([(88, 56), (88, 72)], 1.6, DARK)
    pen.disc(74, 64, 6, STEEL)
    pen.line([(74, 64), (74, 59)], 1.6, DARK)
    for x in (16, 74):
        pen.box(x, 87, x + 8, 92, DARK)
    pen.decal(42, 57, 10)
