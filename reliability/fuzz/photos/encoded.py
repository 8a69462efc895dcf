"""Every mode of Pillow in every format that it writes, also those that the service refuses."""

import io
import warnings
from collections.abc import Iterator
from functools import cache
from random import Random

from PIL import Image

MODES = (
    *("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"),
    *("LA", "PA", "RGBX", "RGBa", "La", "I;16", "I;16B"),
)
_SIDES = (23, 17)


@cache
def encoded() -> dict[str, bytes]:
    """Files by "format mode": each pair that this Pillow can write."""
    return dict(_files())


def any_encoded(random: Random) -> bytes:
    """One of `encoded`, cut or with a flipped bit in half of the cases."""
    files = encoded()
    data = files[random.choice(sorted(files))]
    if random.random() < 0.5 or not data:
        return data
    at = random.randrange(len(data))
    return (
        data[:at]
        if random.random() < 0.5
        else data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
    )


def _files() -> Iterator[tuple[str, bytes]]:
    Image.init()
    colours = Image.effect_noise(_SIDES, 90).convert("RGB")
    for mode in MODES:
        photo = _converted(colours, mode)
        for kind in sorted(Image.SAVE):
            buffer = io.BytesIO()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    photo.save(buffer, kind)
                except Exception:  # noqa: S112 (Pillow raises nearly anything for a mode that a format lacks)
                    continue
            yield f"{kind} {mode}", buffer.getvalue()


def _converted(colours: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode; Pillow converts to some only by way of another."""
    steps = {
        "La": ("LA", "La"),
        "RGBa": ("RGBA", "RGBa"),
        "I;16": ("I", "I;16"),
        "I;16B": ("I", "I;16B"),
        "PA": ("P", "PA"),
    }
    for step in steps.get(mode, (mode,)):
        try:
            colours = colours.convert(step)
        except ValueError:
            colours = Image.new(step, colours.size)
    return colours
