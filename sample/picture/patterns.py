"""Patterns: which points of a surface have the second paint instead of the main paint."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sample.picture.colours import Palette, blend

GRID = 256
DEPTH = 0.45  # share of the second paint in the colour of a pattern

Plane = npt.NDArray[Any]
Pattern = Callable[[Plane, Plane, float], Plane]  # (rows, columns) coordinates and a period -> where, as bool


def _plain(u: Plane, _v: Plane, _period: float) -> Plane:
    return np.zeros(u.shape, bool)


def _stripes(u: Plane, _v: Plane, period: float) -> Plane:
    where: Plane = u % period < period / 2
    return where


def _checks(u: Plane, v: Plane, period: float) -> Plane:
    return (u % period < period / 2) ^ (v % period < period / 2)


def _dots(u: Plane, v: Plane, period: float) -> Plane:
    return np.hypot(u % period - period / 2, v % period - period / 2) < period * 0.32


def _halves(u: Plane, _v: Plane, _period: float) -> Plane:
    where: Plane = u > 0
    return where


def _chevrons(u: Plane, v: Plane, period: float) -> Plane:
    return (u + np.abs(v % (2 * period) - period)) % period < period / 2


def _grid(u: Plane, v: Plane, period: float) -> Plane:
    return (u % period < period / 4) | (v % period < period / 4)


PATTERNS: dict[str, Pattern] = {
    "plain": _plain,
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "halves": _halves,
    "chevrons": _chevrons,
    "grid": _grid,
}


def surface(pattern: str, palette: Palette, period: float, angle: float, side: int) -> Image.Image:
    """An RGB image of side x side pixels covered with the pattern.

    `period` is in hundredths of the side; `angle` rotates the pattern around the centre, in degrees.
    """
    axis = (np.arange(GRID, dtype=np.float32) + 0.5) * (100 / GRID) - 50
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    u, v = axis[None, :] * sin + axis[:, None] * cos, axis[None, :] * cos - axis[:, None] * sin
    covered = Image.fromarray(PATTERNS[pattern](u, v, period).astype(np.uint8) * 255)
    painted = Image.new("RGB", (side, side), palette.main)
    painted.paste(
        blend(palette.main, palette.second, DEPTH),
        (0, 0, side, side),
        covered.resize((side, side), Image.Resampling.BILINEAR),
    )
    return painted
