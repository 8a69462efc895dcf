"""A photo of a product: everything that differs between two photos of the same product."""

import functools
import math
import random

import numpy as np
from PIL import Image, ImageFilter

from sample.picture.backdrops import Size, backdrop, clutter

LONG_SIDE = 256  # pixels
PORTRAIT, LANDSCAPE, SQUARE = (3, 4), (4, 3), (1, 1)  # width : height, as in phone photos

Corners = list[tuple[float, float]]


def photograph(sprite: Image.Image, rng: random.Random) -> Image.Image:
    """One photo of the drawn product: RGB, `LONG_SIDE` pixels on its long side.

    `rng` chooses pose, scale, crop, perspective, backdrop, clutter, shadow, light, focus and noise. The product itself
    is never changed or mirrored.
    """
    size = _frame(sprite, rng)
    ground = backdrop(rng, size)
    clutter(rng, ground, rng.choice((0, 0, 1, 2)), reach=0.85)
    thing, corner = _posed(sprite, rng, size)
    _cast_shadow(ground, thing.getchannel("A"), corner, rng)
    ground.paste(thing, corner, thing)
    clutter(rng, ground, rng.choice((0, 0, 0, 1)), reach=0.9)
    if rng.random() < 0.4:
        ground = ground.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.4)))
    return _lit(ground, rng)


def _frame(sprite: Image.Image, rng: random.Random) -> Size:
    """The size of the photo: most people rotate the phone to fit the product, some never do."""
    left, top, right, bottom = sprite.getbbox() or (0, 0, *sprite.size)
    fitting = LANDSCAPE if right - left > bottom - top else PORTRAIT
    shape = fitting if rng.random() < 0.7 else rng.choice((PORTRAIT, LANDSCAPE, SQUARE))
    return round(LONG_SIDE * shape[0] / max(shape)), round(LONG_SIDE * shape[1] / max(shape))


def _posed(sprite: Image.Image, rng: random.Random, size: Size) -> tuple[Image.Image, tuple[int, int]]:
    """The product rotated, scaled and tilted in perspective (RGBA), and its top left corner in the frame."""
    left, top, right, bottom = sprite.getbbox() or (0, 0, *sprite.size)
    reach = rng.uniform(0.95, 1.15) if rng.random() < 0.06 else rng.uniform(0.82, 0.97)
    scale = reach * min(size[0] / (right - left), size[1] / (bottom - top))
    half = (right - left) / 2 * scale, (bottom - top) / 2 * scale
    slack = [abs(side / 2 - extent) + 0.04 * side for side, extent in zip(size, half, strict=True)]
    x, y = (side / 2 + room * rng.uniform(-0.4, 0.4) for side, room in zip(size, slack, strict=True))
    turn, tilt = math.radians(rng.gauss(0, 4)), 0.04
    cos, sin = math.cos(turn), math.sin(turn)
    target: Corners = []
    for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        along = half[0] * (dx + rng.uniform(-tilt, tilt)), half[1] * (dy + rng.uniform(-tilt, tilt))
        target.append((x + along[0] * cos - along[1] * sin, y + along[0] * sin + along[1] * cos))
    corner = math.floor(min(x for x, _ in target)), math.floor(min(y for _, y in target))
    extent = math.ceil(max(x for x, _ in target)) - corner[0], math.ceil(max(y for _, y in target)) - corner[1]
    target = [(x - corner[0], y - corner[1]) for x, y in target]
    source: Corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    tilted = _homography(target, source)
    return sprite.transform(extent, Image.Transform.PERSPECTIVE, tilted, Image.Resampling.BILINEAR), corner


def _homography(target: Corners, source: Corners) -> list[float]:
    """The eight coefficients that map each target corner to its source corner, in the format of Image.transform."""
    rows, values = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    coefficients: list[float] = np.linalg.solve(np.array(rows), np.array(values)).tolist()
    return coefficients


def _cast_shadow(ground: Image.Image, alpha: Image.Image, corner: tuple[int, int], rng: random.Random) -> None:
    """Add a soft shadow below and beside the product; `alpha` is its outline."""
    blur, margin = rng.uniform(1.5, 3), 8
    outline = alpha.reduce(4)
    wide = Image.new("L", (outline.width + 2 * margin, outline.height + 2 * margin))
    wide.paste(outline, (margin, margin))
    depth = rng.uniform(0.2, 0.55)
    soft = wide.filter(ImageFilter.GaussianBlur(blur)).point([round(depth * level) for level in range(256)])
    mask = soft.resize((soft.width * 4, soft.height * 4), Image.Resampling.BILINEAR)
    left = corner[0] - 4 * margin + rng.randint(-16, 16)
    top = corner[1] - 4 * margin + rng.randint(4, 16)
    ground.paste((0, 0, 0), (left, top, left + mask.width, top + mask.height), mask)


@functools.cache
def _noise() -> np.ndarray:
    """Standard normal noise, (512, 512, 3) float32, identical in every process."""
    return np.random.default_rng(21).standard_normal((512, 512, 3), np.float32)


def _lit(photo: Image.Image, rng: random.Random) -> Image.Image:
    """The photo in other light: exposure, white balance, contrast, a brighter side, sensor noise."""
    exposure, contrast = rng.uniform(0.88, 1.08), rng.uniform(0.93, 1.07)
    balance = np.array([rng.uniform(0.97, 1.03) for _ in range(3)], np.float32)
    falls = rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)
    width, height = photo.size
    across, down = (
        np.linspace(-fall, fall, side, dtype=np.float32) for fall, side in zip(falls, photo.size, strict=True)
    )
    field = exposure * (1 + across[None, :] + down[:, None])
    left, top = rng.randrange(512 - width + 1), rng.randrange(512 - height + 1)
    pixels = np.array(photo, np.float32)
    pixels -= 128
    pixels *= contrast
    pixels += 128
    pixels *= field[..., None] * balance
    pixels += np.float32(rng.uniform(1, 6)) * _noise()[top : top + height, left : left + width]
    return Image.fromarray(pixels.clip(0, 255, out=pixels).astype(np.uint8))
