"""What happens to a photo on its way from one listing to another: the alterations that `same_photo` must survive.

They are independent of how photos are compared. Each returns a new photo; random draws come from the generator given.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Copy = Callable[[Image.Image, np.random.Generator], Image.Image]
CUT = 0.15  # share of width and height that is cut off
_QUALITY, _LOW_QUALITY = 90, 30
_BRIGHTNESS = (0.7, 1.3)
_BORDER = (0.03, 0.12)  # width on each side, as a share of the shorter side
_BORDER_COLOURS = ((255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 30, 30))
_MARK, _MARK_SIZE, _MARK_OPACITY = "shop.example", 0.14, 102


def low_quality(photo: Image.Image, _rng: np.random.Generator) -> Image.Image:
    """A JPEG of quality 30."""
    return _as_jpeg(photo, _LOW_QUALITY)


def half_size(photo: Image.Image, _rng: np.random.Generator) -> Image.Image:
    """Half as many pixels on each side."""
    return photo.resize((max(1, photo.width // 2), max(1, photo.height // 2)), Image.Resampling.BICUBIC)


def crop_centre(photo: Image.Image, _rng: np.random.Generator) -> Image.Image:
    """15 % of width and height cut off, as much on the left as on the right, and on top as at the bottom."""
    return _cropped(photo, 0.5, 0.5)


def crop_off_centre(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """15 % of width and height cut off at random places."""
    across, down = rng.uniform(0, 1, 2)
    return _cropped(photo, across, down)


def watermark(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A text of half-transparent letters across most of the photo, near its middle."""
    layer = Image.new("RGBA", photo.size, (255, 255, 255, 0))
    font = ImageFont.load_default(max(8, round(_MARK_SIZE * photo.width)))
    place = photo.width / 2, float(rng.uniform(0.35, 0.65)) * photo.height
    ImageDraw.Draw(layer).text(place, _MARK, (255, 255, 255, _MARK_OPACITY), font, anchor="mm")
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def border(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A border of one colour: white, black, grey or red, 3 to 12 % of the shorter side wide."""
    width = max(1, round(rng.uniform(*_BORDER) * min(photo.size)))
    return ImageOps.expand(photo, width, _BORDER_COLOURS[rng.integers(len(_BORDER_COLOURS))])


def brightness(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """30 % darker or brighter."""
    return ImageEnhance.Brightness(photo).enhance(_BRIGHTNESS[rng.integers(len(_BRIGHTNESS))])


def mirror(photo: Image.Image, _rng: np.random.Generator) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(photo)


COPIES: dict[str, Copy] = {
    function.__name__: function
    for function in (low_quality, half_size, crop_centre, crop_off_centre, watermark, border, brightness, mirror)
}


def copy_of(photo: Image.Image, name: str, rng: np.random.Generator) -> Image.Image:
    """An altered copy of a photo in RGB, saved once more as a JPEG, as every photo is that is sent."""
    return _as_jpeg(COPIES[name](photo, rng), _QUALITY)


def _as_jpeg(photo: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _cropped(photo: Image.Image, across: float, down: float) -> Image.Image:
    width, height = max(1, round((1 - CUT) * photo.width)), max(1, round((1 - CUT) * photo.height))
    left, top = round(across * (photo.width - width)), round(down * (photo.height - height))
    return photo.crop((left, top, left + width, top + height))
