"""From photo bytes to network input: decode, apply EXIF orientation, convert to RGB, letterbox, normalise.

Training and serving use the same function, `load_photo`. So the pixels of an evaluation equal those of serving bit for
bit.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from lambda_app.errors import BusyError, LookalikeError, UndecodablePhotoError
from lambda_app.photo.colour import Conversions
from lambda_app.photo.container import Container
from lambda_app.photo.cut import mend
from lambda_app.photo.memory import DecodingMemory
from lambda_app.photo.opening import memory_needed, open_photo, reason
from lambda_app.photo.orientation import reverses_rows, stored_box, swaps_sides, upright
from lambda_app.photo.rules import WHOLE_PHOTO, PhotoLimits, PhotoPart, Preprocessing
from lambda_app.photo.trimming import fitted, without_borders

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Large JPEGs are decoded at a reduced scale, but not below 1.5 times the target size. Compared with a decode at full
# scale, a photo of 816 pixels at size 224 takes 3 ms instead of 10, with a PSNR of 52 dB; the lowest PSNR was 47 dB.
DRAFT = 1.5
# Other large photos are first reduced by averaging whole pixels, but not below 3 times the target size. It is what
# Pillow's `resize` does with `reducing_gap=3`, but before the photo is converted and turned, and in strips.
REDUCING_GAP = 3.0
STRIP_PIXELS = 1 << 20
# Sides of an overview in pixels: the short one is at least this, unless the decoded photo is smaller.
OVERVIEW = 128
Window = tuple[int, int, int, int]  # left, top, right, bottom, in pixels of the photo as it is stored
_GREY_MODES = frozenset(("1", "L", "LA", "I;16"))
_CONVERSIONS = Conversions()  # of this process


@dataclass(frozen=True)
class LoadedPhoto:
    """A decoded photo.

    Attributes:
        square: uint8 (size, size, 3), RGB, what the network sees.
        overview: the whole photo in RGB, upright and small, with its borders.
    """

    square: npt.NDArray[np.uint8]
    overview: Image.Image


def load_rgb(
    data: bytes,
    settings: Preprocessing,
    limits: PhotoLimits = PhotoLimits(),
    memory: DecodingMemory | None = None,
    part: PhotoPart = WHOLE_PHOTO,
) -> npt.NDArray[np.uint8]:
    """The square of `load_photo`, uint8 (size, size, 3), RGB; with its arguments and errors."""
    return load_photo(data, settings, limits, memory, part).square


def load_photo(
    data: bytes,
    settings: Preprocessing,
    limits: PhotoLimits = PhotoLimits(),
    memory: DecodingMemory | None = None,
    part: PhotoPart = WHOLE_PHOTO,
) -> LoadedPhoto:
    """Decode a JPEG, PNG, WebP or AVIF photo and make it square: letterbox it, or cut it to its centre.

    Args:
        data: the file's bytes. Their signature decides the format, not a file name or a declared media type.
        settings: target size, fit, interpolation and background.
        limits: largest area, side and work that are accepted.
        memory: what all photos that are decoded at once may take; None for no limit.
        part: what of the upright photo is used, as if it were a photo of its own.

    Raises:
        UnsupportedPhotoError: the photo is not a JPEG, PNG, WebP or AVIF, or it is animated.
        PhotoTooLargeError: the photo exceeds `limits`, or the whole of `memory`.
        UndecodablePhotoError: the file is damaged.
        BusyError: there is no memory for the photo now.
    """
    container, photo = open_photo(data, limits)
    full = photo.size
    with photo:
        try:
            # JPEG only, no effect on other formats: decode at 1/2, 1/4 or 1/8 scale. The long side of what is used
            # stays at DRAFT times the target or more, so that the antialiasing resize below has enough to average.
            used = _window(photo.size, container.orientation, part)
            photo.draft("RGB" if photo.mode != "L" else "L", _draft_size(photo.size, used, settings))
            with memory.reserved(memory_needed(photo, container)) if memory else nullcontext():
                photo.load()
                return _loaded(mend(photo, container, full), container, settings, part)
        except LookalikeError:
            raise
        except MemoryError as exc:
            raise BusyError("there is not enough memory to decode the photo now") from exc
        except Exception as exc:  # with a damaged file, Pillow's parsers may raise any exception
            raise UndecodablePhotoError(f"the photo does not decode: {reason(exc)}") from exc


def normalise(rgb: npt.NDArray[np.uint8], settings: Preprocessing) -> npt.NDArray[np.float32]:
    """Scale pixels to [0, 1], subtract the mean, divide by the standard deviation.

    Args:
        rgb: uint8 (n, size, size, 3).
        settings: mean and standard deviation per channel.

    Returns:
        float32 (n, 3, size, size), contiguous.
    """
    mean = np.asarray(settings.mean, np.float32).reshape(3, 1, 1)
    std = np.asarray(settings.std, np.float32).reshape(3, 1, 1)
    scaled = np.ascontiguousarray(rgb.transpose(0, 3, 1, 2)).astype(np.float32)  # (n, 3, size, size)
    scaled /= np.float32(255.0)
    scaled -= mean
    scaled /= std
    return scaled


def _draft_size(size: tuple[int, int], used: Window, settings: Preprocessing) -> tuple[int, int]:
    scale = math.ceil(DRAFT * settings.size) / _side_seen((used[2] - used[0], used[3] - used[1]), settings)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _window(size: tuple[int, int], orientation: int, part: PhotoPart) -> Window:
    """The pixels of the part, in the photo of this size as it is stored."""
    full = (size[1], size[0]) if swaps_sides(orientation) else size
    return stored_box(part.pixels(*full), full, orientation)


def _side_seen(size: tuple[int, int], settings: Preprocessing) -> float:
    """The pixels of a photo that fill a side of the square: all of its long side, or a part of its short side."""
    return settings.crop * min(size) if settings.fit == "crop" else max(size)


def _centre(width: float, height: float, share: float) -> tuple[float, float, float, float]:
    """The square in the centre of a photo whose side is a share of the short side: left, top, right, bottom."""
    side = share * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def _to_rgb(photo: Image.Image, background: str, *, keep_inks: bool) -> Image.Image:
    """Convert any mode to RGB. Transparent photos are laid on the background; 16-bit values are scaled to 8 bits.

    Args:
        keep_inks: whether CMYK stays CMYK, for its profile says what its inks look like.
    """
    if keep_inks and photo.mode == "CMYK":
        return photo
    if photo.mode.startswith("I") or photo.mode == "F":
        return Image.fromarray((np.asarray(photo, np.float32) / 257.0).clip(0, 255).astype(np.uint8)).convert("RGB")
    if photo.has_transparency_data:
        rgba = photo.convert("RGBA")
        below = Image.new("RGBA", rgba.size, ImageColor.getrgb(background))
        return Image.alpha_composite(below, rgba).convert("RGB")
    return photo.convert("RGB")


def _loaded(photo: Image.Image, container: Container, settings: Preprocessing, part: PhotoPart) -> LoadedPhoto:
    size, orientation = settings.size, container.orientation
    window = _window(photo.size, orientation, part)
    full = window[2] - window[0], window[3] - window[1]
    full = full[::-1] if swaps_sides(orientation) else full
    width, height = fitted(*full, size)
    if settings.fit == "crop":  # the whole photo, at the scale at which its centre fills the square
        width, height = (max(1, round(side * size / _side_seen(full, settings))) for side in full)
    across, down = (max(1, int(full[0] / width / REDUCING_GAP)), max(1, int(full[1] / height / REDUCING_GAP)))
    mode = "CMYK" if photo.mode == "CMYK" else "L" if photo.mode in _GREY_MODES else "RGB"
    conversion = _CONVERSIONS.of(container.profile, mode)
    to_rgb = partial(_to_rgb, background=settings.background, keep_inks=conversion is not None)
    reduced = _upright(photo, window, to_rgb, orientation, (across, down))
    box = (0.0, 0.0, full[0] / across, full[1] / down)
    if settings.fit == "trimmed":
        box = without_borders(reduced, box)
        width, height = fitted((box[2] - box[0]) * across, (box[3] - box[1]) * down, size)
    elif settings.fit == "crop":
        left, top, right, bottom = _centre(*full, settings.crop)
        box, width, height = (left / across, top / down, right / across, bottom / down), size, size
    resized = reduced.resize((width, height), RESAMPLING[settings.interpolation], box)
    if conversion is not None:  # of the small picture, because it costs more for a pixel than all steps before
        resized = conversion.apply(resized.convert(mode))
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = np.asarray(resized)
    return LoadedPhoto(square, reduced.reduce(max(1, min(reduced.size) // OVERVIEW)).convert("RGB"))


def _upright(
    photo: Image.Image,
    window: Window,
    to_rgb: Callable[[Image.Image], Image.Image],
    orientation: int,
    averaged: tuple[int, int],
) -> Image.Image:
    """The window of the photo, upright and in RGB, with each `averaged` pixels, across and down, averaged to one.

    Strips are converted, turned and averaged one by one, so that no copy of a large photo is made. They begin at the
    side that is on top or on the left of the upright photo. So the result is that of averaging the whole upright photo.
    """
    across, down = averaged
    left, above, right, below = window
    width, height = right - left, below - above
    if across == down == 1:
        used = photo if (width, height) == photo.size else photo.crop(window)
        return upright(to_rgb(used), orientation)
    swapped, reversed_rows = swaps_sides(orientation), reverses_rows(orientation)
    step = across if swapped else down  # rows of the photo as it is stored that become one row or column
    full = (height, width) if swapped else (width, height)
    reduced: Image.Image | None = None
    rows = max(1, STRIP_PIXELS // (width * step)) * step
    for start in range(0, height, rows):
        end = min(height, start + rows)
        top, bottom = (height - end, height - start) if reversed_rows else (start, end)
        rows_of_strip = photo.crop((left, above + top, right, above + bottom))
        strip = upright(to_rgb(rows_of_strip), orientation).reduce(averaged)
        reduced = reduced or Image.new(strip.mode, (-(-full[0] // across), -(-full[1] // down)))
        reduced.paste(strip, (start // step, 0) if swapped else (0, start // step))
    return reduced or photo
