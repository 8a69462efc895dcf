"""The pen that draws a product: shaded, outlined shapes on a transparent square of 100 by 100 units, y downwards."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageChops, ImageDraw

from sample.picture.colours import Colour, shade
from sample.picture.decals import DECALS
from sample.picture.identity import Identity
from sample.picture.patterns import surface

SUPERSAMPLE = 2
SPRITE = 240  # pixels per side of the finished drawing
SIDE = SPRITE * SUPERSAMPLE
UNIT = 0.86 * SIDE / 100  # leaves space for products that are wider or taller than their drawing
OUTLINE = round(1.0 * UNIT)
DECAL = 1.35  # decals are drawn larger than requested, so that they are visible in small photos

Point = tuple[float, float]
Fill = Colour | Image.Image
Trace = Callable[..., None]


@functools.cache
def _light() -> Image.Image:
    """How much light falls on a shape: full at its top left, less at its bottom right."""
    ramp = Image.linear_gradient("L")
    slant = Image.blend(ramp, ramp.transpose(Image.Transpose.ROTATE_90), 0.35)
    return slant.point([255 - level * 88 // 255 for level in range(256)]).convert("RGB")


class Pen:
    """Draws the parts of one product from back to front. `main`, `second` and `accent` are its paints."""

    def __init__(self, identity: Identity) -> None:
        palette = identity.palette
        self.main: Fill = surface(identity.pattern, palette, identity.period, identity.angle, SIDE)
        self.paint: Colour = palette.main
        self.second: Colour = palette.second
        self.accent: Colour = palette.accent
        self.parts, self.style = identity.parts, identity.style
        self._identity = identity
        self._light = _light()
        self._edge = shade(palette.main, 0.45)
        self._colours = Image.new("RGB", (SIDE, SIDE), self._edge)
        self._alpha = Image.new("L", (SIDE, SIDE))
        self._mask = Image.new("L", (SIDE, SIDE))
        self._draw_colours = ImageDraw.Draw(self._colours)
        self._draw_alpha = ImageDraw.Draw(self._alpha)
        self._draw_mask = ImageDraw.Draw(self._mask)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Fill, r: float = 0) -> None:
        """A rectangle with corners rounded by r."""
        corners = [self._at(left, top), self._at(right, bottom)]
        flat = [*corners[0], *corners[1]]

        def trace(draw: ImageDraw.ImageDraw, **ink: Any) -> None:
            draw.rounded_rectangle(flat, r * UNIT, **ink)

        self._lay(corners, trace, fill)

    def oval(self, left: float, top: float, right: float, bottom: float, fill: Fill) -> None:
        """An ellipse within the rectangle."""
        self._ellipse([self._at(left, top), self._at(right, bottom)], fill)

    def disc(self, x: float, y: float, r: float, fill: Fill) -> None:
        """A circle. It stays round for all proportions of the product."""
        x, y = self._at(x, y)
        self._ellipse([(x - r * UNIT, y - r * UNIT), (x + r * UNIT, y + r * UNIT)], fill)

    def hoop(self, x: float, y: float, r: float, width: float, fill: Colour) -> None:
        """The outline of a circle; its thickness `width` is inside the circle."""
        x, y = self._at(x, y)
        flat = [x - r * UNIT, y - r * UNIT, x + r * UNIT, y + r * UNIT]
        self._draw_colours.ellipse(flat, outline=fill, width=round(width * UNIT))
        self._draw_alpha.ellipse(flat, outline=255, width=round(width * UNIT))

    def poly(self, points: Sequence[Point], fill: Fill) -> None:
        """A polygon with straight edges."""
        self._polygon([self._at(x, y) for x, y in points], fill)

    def blob(self, points: Sequence[Point], fill: Fill) -> None:
        """A closed smooth curve (Catmull-Rom) through the points."""
        self._polygon(_smooth([self._at(x, y) for x, y in points], closed=True), fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Straight strokes from point to point with round ends."""
        self._stroke([self._at(x, y) for x, y in points], width, fill)

    def curve(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A smooth stroke through the points with round ends."""
        self._stroke(_smooth([self._at(x, y) for x, y in points], closed=False), width, fill)

    def decal(self, x: float, y: float, r: float) -> None:
        """The decal of the product, centred at (x, y); nothing for a product without a decal."""
        outline = DECALS.get(self._identity.decal)
        if outline is not None:
            x, y = self._at(x, y)
            scale = DECAL * r * UNIT
            self._polygon([(x + dx * scale, y + dy * scale) for dx, dy in outline], self.accent)

    def sprite(self) -> Image.Image:
        """The drawing so far: RGBA, SPRITE x SPRITE pixels, edges smoothed."""
        finished = self._colours.reduce(SUPERSAMPLE)
        finished.putalpha(self._alpha.reduce(SUPERSAMPLE))
        return finished

    def _at(self, x: float, y: float) -> Point:
        """Convert units to pixels, with the proportions of the product."""
        across, down = (x - 50) * self._identity.wide, (y - 50) * self._identity.tall
        return SIDE / 2 + across * UNIT, SIDE / 2 + down * UNIT

    def _ellipse(self, corners: list[Point], fill: Fill) -> None:
        flat = [*corners[0], *corners[1]]

        def trace(draw: ImageDraw.ImageDraw, **ink: Any) -> None:
            draw.ellipse(flat, **ink)

        self._lay(corners, trace, fill)

    def _polygon(self, points: list[Point], fill: Fill) -> None:
        def trace(draw: ImageDraw.ImageDraw, **ink: Any) -> None:
            draw.polygon(points, **ink)

        self._lay(points, trace, fill)

    def _stroke(self, points: list[Point], width: float, fill: Colour) -> None:
        thick = max(1, round(width * UNIT))
        for draw, ink in ((self._draw_colours, fill), (self._draw_alpha, 255)):
            draw.line(points, ink, thick, joint="curve")
            for x, y in (points[0], points[-1]):
                draw.ellipse([x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2], ink)

    def _lay(self, points: Sequence[Point], trace: Trace, fill: Fill) -> None:
        """Fill a traced shape, light it from the top left and outline it."""
        left, top = (max(0, math.floor(min(axis))) for axis in zip(*points, strict=True))
        right, bottom = (min(SIDE, math.ceil(max(axis)) + 1) for axis in zip(*points, strict=True))
        if left >= right or top >= bottom:
            return
        box, size = (left, top, right, bottom), (right - left, bottom - top)
        trace(self._draw_mask, fill=255)
        ground = fill.crop(box) if isinstance(fill, Image.Image) else Image.new("RGB", size, fill)
        lit = ImageChops.multiply(ground, self._light.resize(size, Image.Resampling.NEAREST))
        self._colours.paste(lit, box, self._mask.crop(box))
        self._mask.paste(0, box)
        edge = self._edge if isinstance(fill, Image.Image) else shade(fill, 0.55)
        trace(self._draw_colours, outline=edge, width=OUTLINE)
        trace(self._draw_alpha, fill=255, outline=255, width=OUTLINE)


def _smooth(points: list[Point], *, closed: bool, steps: int = 8) -> list[Point]:
    """Points along the Catmull-Rom spline through the given ones (Catmull and Rom, 1974, uniform)."""
    around = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    path: list[Point] = []
    for a, b, c, d in zip(around, around[1:], around[2:], around[3:], strict=False):
        path += [
            (_spline(a[0], b[0], c[0], d[0], i / steps), _spline(a[1], b[1], c[1], d[1], i / steps))
            for i in range(steps)
        ]
    return path if closed else [*path, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
