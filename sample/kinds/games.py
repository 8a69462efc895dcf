"""Video Games & Consoles: console, gamepad, arcade machine, handheld."""

from sample.picture.colours import DARK, GLASS, IRON, STEEL, WHITE
from sample.picture.pen import Pen


def console(pen: Pen) -> None:
    """A home console lying flat: disc slot, vents, light strip, a cable with its plug."""
    pen.curve([(90, 60), (98, 70), (90, 84), (70, 86), (58, 82)], 2, DARK)
    pen.poly([(14, 34), (86, 34), (96, 48), (4, 48)], pen.main)
    pen.box(4, 48, 96, 70, pen.second, r=3)
    pen.box(12, 53, 54, 57, DARK, r=1)
    for i in range(3 + 2 * pen.parts):
        pen.line([(26 + 6 * i, 38), (24 + 6.6 * i, 45)], 1.8, DARK)
    pen.line([(6, 67), (94, 67)], 2.6, pen.accent)
    pen.disc(86, 58, 5, pen.accent)
    if pen.style:
        for i in range(pen.style):
            pen.box(60 + 10 * i, 54, 67 + 10 * i, 61, DARK, r=1)
    for x in (12, 80):
        pen.box(x, 70, x + 8, 75, DARK)
    pen.decal(18, 62, 5)


def gamepad(pen: Pen) -> None:
    """A controller with two grips, sticks, a direction pad and buttons."""
    if pen.style == 1:
        pen.curve([(50, 28), (50, 14), (60, 8), (66, 2)], 2.4, DARK)
    for x in (26, 66):
        pen.box(x - 4, 22, x + 12, 32, pen.second, r=3)
    left = [(24, 28), (10, 40), (3, 72), (12, 86), (24, 78), (34, 66)]
    right = [(100 - x, y) for x, y in reversed(left)]
    pen.blob([(50, 31), *left, (50, 65), *right], pen.main)
    pen.box(21, 36, 27, 54, DARK, r=1)
    pen.box(15, 42, 33, 48, DARK, r=1)
    for dx, dy in ((0, -7), (7, 0), (0, 7), (-7, 0)):
        pen.disc(76 + dx, 45 + dy, 3.6, pen.accent)
    low = 58 if pen.style else 50
    for x in (38, 62):
        pen.disc(x, low, 7, pen.second)
        pen.disc(x, low, 4.4, DARK)
    for i in range(pen.parts):
        pen.box(44 + 8 * i, 36, 49 + 8 * i, 39, DARK, r=1)
    pen.decal(50, 42, 6)


def arcade_machine(pen: Pen) -> None:
    """An upright cabinet: marquee, screen with invaders, stick and buttons, coin door."""
    pen.poly(
        [(26, 4), (74, 4), (76, 24), (70, 58), (82, 64), (80, 96), (20, 96), (18, 64), (30, 58), (24, 24)], pen.main
    )
    pen.box(26, 6, 74, 20, pen.second)
    pen.poly([(29, 24), (71, 24), (67, 52), (33, 52)], DARK)
    for i in range(6):
        x, y = 38 + 10 * (i % 3), 30 + 9 * (i // 3)
        pen.box(x, y, x + 5, y + 4, (pen.accent, WHITE, GLASS)[(i + pen.style) % 3])
    pen.poly([(30, 56), (70, 56), (82, 66), (18, 66)], IRON)
    pen.line([(34, 62), (34, 54)], 2, STEEL)
    pen.disc(34, 53, 3.6, pen.accent)
    for i in range(2 + pen.parts):
        pen.disc(50 + 7 * i, 61, 2.8, pen.second)
    pen.box(40, 74, 60, 92, DARK, r=1)
    if pen.style == 2:
        for x in (46, 54):
            pen.box(x - 1.5, 78, x + 1.5, 84, STEEL)
    pen.decal(50, 13, 6)


def handheld(pen: Pen) -> None:
    """A handheld console: wide with the screen between the controls, or upright with the controls below the screen."""
    if pen.style == 1:
        pen.box(22, 4, 78, 96, pen.main, r=7)
        pen.box(28, 10, 72, 48, DARK, r=3)
        pen.box(34, 15, 66, 43, (154, 184, 96))
        pen.decal(50, 29, 8)
        pen.box(32, 60, 38, 78, DARK)
        pen.box(26, 66, 44, 72, DARK)
        for x, y in ((58, 72), (69, 64)):
            pen.disc(x, y, 5, pen.accent)
        for i in range(2 + pen.parts):
            pen.line([(52 + 6 * i, 90), (56 + 6 * i, 82)], 2, pen.second)
        return
    pen.box(2, 26, 98, 76, pen.second, r=12)
    pen.box(22, 26, 78, 76, pen.main, r=2)
    pen.box(26, 31, 74, 71, DARK)
    pen.poly([(26, 71), (42, 52), (54, 62), (66, 48), (74, 58), (74, 71)], (96, 168, 92))
    pen.decal(50, 45, 8)
    pen.disc(12, 40, 6, DARK)
    pen.disc(88, 60, 6, DARK)
    for dx, dy in ((0, -5), (5, 0), (0, 5), (-5, 0)):
        pen.disc(88 + dx, 42 + dy, 2.6, pen.accent)
        pen.box(10 + dx, 58 + dy, 14 + dx, 62 + dy, DARK)
    for i in range(pen.parts):
        pen.disc(84 + 4 * i, 70, 1.4, WHITE)
