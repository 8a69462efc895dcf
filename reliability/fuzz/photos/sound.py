"""Sound photos that others are made of: every format that is taken, in the modes that encoders write."""

import io
from functools import cache
from random import Random
from typing import Any

import numpy as np
from PIL import Image

# The limit of a request is 4 MiB; so much is left for a photo.
MOST_BYTES = 4_000_000
SIDES = (97, 61)


@cache
def sound_photos() -> dict[str, bytes]:
    """Small photos by name, all of which the service takes."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 4), np.uint8)
    colours = Image.fromarray(pixels, "RGBA").resize(SIDES, Image.Resampling.BICUBIC)
    rgb, grey = colours.convert("RGB"), colours.convert("L")
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    palette = rgb.quantize(64)
    return {
        "jpeg": encode(rgb, "JPEG"),
        "jpeg progressive": encode(rgb, "JPEG", progressive=True, subsampling=0),
        "jpeg restarts": encode(rgb, "JPEG", restart_marker_blocks=3),
        "jpeg grey": encode(grey, "JPEG"),
        "jpeg cmyk": encode(rgb.convert("CMYK"), "JPEG", progressive=True),
        "png": encode(rgb, "PNG"),
        "png alpha": encode(colours, "PNG"),
        "png grey": encode(grey, "PNG"),
        "png one bit": encode(grey.convert("1"), "PNG"),
        "png deep": encode(deep, "PNG"),
        "png palette": encode(palette, "PNG", transparency=bytes(range(64))),
        "webp": encode(rgb, "WEBP"),
        "webp lossless": encode(rgb, "WEBP", lossless=True),
        "webp alpha": encode(colours, "WEBP"),
    }


def pick(random: Random, kind: str = "") -> bytes:
    """A sound photo whose name begins with `kind`."""
    return random.choice([data for name, data in sound_photos().items() if name.startswith(kind)])


def encode(photo: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    photo.save(buffer, kind, **options)
    return buffer.getvalue()
