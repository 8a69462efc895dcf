"""Backdrops: the background of a product, and other objects around it."""

import functools
import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from sample.picture.colours import PAINTS, Colour, shade

Size = tuple[int, int]  # pixels: width, height


def backdrop(rng: random.Random, size: Size) -> Image.Image:
    """A random background for a photo: a wall, a wall above a floor, or a floor seen from above. RGB, of this size."""
    if rng.random() < 0.5:
        wall, floor = rng.choice(WALLS)(rng, size), rng.choice(FLOORS)(rng, size)
        horizon = round(size[1] * rng.uniform(0.5, 0.85))
        wall.paste(floor.crop((0, 0, size[0], size[1] - horizon)), (0, horizon))
        ImageDraw.Draw(wall).line([(0, horizon), (size[0], horizon)], shade(_tone(rng), 0.7), rng.randint(1, 4))
        return wall
    return rng.choice(WALLS + FLOORS)(rng, size)


def clutter(rng: random.Random, ground: Image.Image, count: int, *, reach: float) -> None:
    """Draw `count` random objects on the background.

    `reach` is the minimum distance of their centres from the middle, as a share of half the size.
    """
    draw, (width, height) = ImageDraw.Draw(ground), ground.size
    for _ in range(count):
        angle, away = rng.uniform(0, 2 * math.pi), rng.uniform(reach, 1.0)
        x, y = width / 2 * (1 + away * math.cos(angle) * 1.2), height / 2 * (1 + away * math.sin(angle) * 1.2)
        w, h = (max(width, height) * rng.uniform(0.05, 0.16) for _ in range(2))
        paint = shade(rng.choice(list(PAINTS.values())), rng.uniform(0.5, 1.1))
        shape = rng.randrange(4)
        if shape == 0:
            draw.ellipse([x - w, y - h, x + w, y + h], paint, shade(paint, 0.6))
        elif shape == 1:
            draw.rounded_rectangle([x - w, y - h, x + w, y + h], 4, paint, shade(paint, 0.6))
        elif shape == 2:
            corners = [(x + w * rng.uniform(-1.2, 1.2), y + h * rng.uniform(-1.2, 1.2)) for _ in range(4)]
            draw.polygon(corners, paint, shade(paint, 0.6))
        else:
            draw.line([(x - w, y - h), (x, y + h / 2), (x + w, y - h / 3)], paint, rng.randint(3, 9), joint="curve")


def _tone(rng: random.Random) -> Colour:
    """A colour for a room: mostly muted, sometimes as saturated as the products."""
    if rng.random() < 0.12:
        return shade(rng.choice(list(PAINTS.values())), rng.uniform(0.6, 1.05))
    grey, spread = rng.uniform(80, 235), rng.uniform(2, 18)
    red, green, blue = (round(max(0.0, min(255.0, grey + rng.uniform(-spread, spread)))) for _ in range(3))
    return red, green, blue


@functools.cache
def _grain() -> Image.Image:
    """Smooth grey noise around middle grey, 512 pixels per side, identical in every process."""
    noise = np.random.default_rng(20).normal(128, 40, (256, 256)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(noise).resize((512, 512), Image.Resampling.BILINEAR)


def _grained(rng: random.Random, image: Image.Image, depth: float, stretch: Size = (1, 1)) -> Image.Image:
    """Add noise to the image. `stretch` is the size of the noise along x and y."""
    width, height = -(-image.width // stretch[0]), -(-image.height // stretch[1])
    left, top = rng.randrange(512 - width + 1), rng.randrange(512 - height + 1)
    noise = _grain().crop((left, top, left + width, top + height))
    if stretch != (1, 1):
        noise = noise.resize(image.size, Image.Resampling.BILINEAR)
    level = noise.point([round(255 - depth * 255 + depth * value) for value in range(256)])
    return ImageChops.multiply(image, Image.merge("RGB", (level, level, level)))


def _plaster(rng: random.Random, size: Size) -> Image.Image:
    return _grained(rng, Image.new("RGB", size, _tone(rng)), rng.uniform(0.05, 0.15))


def _gradient(rng: random.Random, size: Size) -> Image.Image:
    """A gradient between two tones at any angle."""
    ends = np.array([_tone(rng), _tone(rng)], np.float32)
    across = rng.uniform(0, 1)
    ramp = (np.linspace(0, across, 32)[None, :] + np.linspace(0, 1 - across, 32)[:, None])[..., None]
    return Image.fromarray((ends[0] * (1 - ramp) + ends[1] * ramp).astype(np.uint8)).resize(
        size, Image.Resampling.BILINEAR
    )


def _wallpaper(rng: random.Random, size: Size) -> Image.Image:
    """Vertical stripes of two similar tones."""
    tone, step = _tone(rng), rng.randint(10, 40)
    paper = Image.new("RGB", size, tone)
    draw, stripe = ImageDraw.Draw(paper), shade(tone, rng.uniform(0.75, 0.95))
    for x in range(0, size[0], 2 * step):
        draw.rectangle([x, 0, x + step, size[1]], stripe)
    return paper


def _bricks(rng: random.Random, size: Size) -> Image.Image:
    tone, height = _tone(rng), rng.randint(14, 30)
    wall = Image.new("RGB", size, shade(tone, 1.12))
    draw = ImageDraw.Draw(wall)
    for row, y in enumerate(range(0, size[1], height)):
        for x in range(-height * (row % 2), size[0], 2 * height):
            draw.rectangle([x, y, x + 2 * height - 3, y + height - 3], shade(tone, rng.uniform(0.93, 1.03)))
    return wall


def _planks(rng: random.Random, size: Size) -> Image.Image:
    """Floorboards that run across or away from the viewer."""
    tone, step, along = _tone(rng), rng.randint(16, 48), rng.random() < 0.5
    floor = Image.new("RGB", size)
    draw = ImageDraw.Draw(floor)
    for at in range(0, size[1] if along else size[0], step):
        edges = [0, at, size[0], at + step - 2] if along else [at, 0, at + step - 2, size[1]]
        draw.rectangle(edges, shade(tone, rng.uniform(0.9, 1.05)))
    return _grained(rng, floor, 0.2, (6, 1) if along else (1, 6))


def _tiles(rng: random.Random, size: Size) -> Image.Image:
    """Square tiles; some floors alternate two tones."""
    tone, step = _tone(rng), rng.randint(24, 60)
    other = shade(tone, 0.88)
    floor = Image.new("RGB", size, shade(tone, 0.85))
    draw, chequered = ImageDraw.Draw(floor), rng.random() < 0.4
    for row, y in enumerate(range(0, size[1], step)):
        for column, x in enumerate(range(0, size[0], step)):
            draw.rectangle([x, y, x + step - 2, y + step - 2], other if chequered and (row + column) % 2 else tone)
    return floor


def _carpet(rng: random.Random, size: Size) -> Image.Image:
    return _grained(rng, Image.new("RGB", size, _tone(rng)), rng.uniform(0.2, 0.5))


def _grass(rng: random.Random, size: Size) -> Image.Image:
    green = (rng.randint(70, 130), rng.randint(130, 190), rng.randint(50, 90))
    return _grained(rng, Image.new("RGB", size, green), 0.5, (1, 4))


WALLS: list[Callable[[random.Random, Size], Image.Image]] = [_plaster, _gradient, _gradient, _wallpaper, _bricks]
FLOORS: list[Callable[[random.Random, Size], Image.Image]] = [_planks, _tiles, _carpet, _grass]
