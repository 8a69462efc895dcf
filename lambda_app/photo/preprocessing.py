"""From photo bytes to network input: decode, apply EXIF orientation, convert to RGB, letterbox, normalise.

Training and serving use the same function, `load_rgb`. So the pixels of an evaluation equal those of serving bit for
bit.
"""

import io
import math
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from lambda_app.errors import (
    BusyError,
    LookalikeError,
    PhotoTooLargeError,
    UndecodablePhotoError,
    UnsupportedPhotoError,
)
from lambda_app.photo.container import Container
from lambda_app.photo.jpeg import read_jpeg
from lambda_app.photo.memory import DecodingMemory
from lambda_app.photo.orientation import read_orientation, reverses_rows, swaps_sides, upright
from lambda_app.photo.png import read_png
from lambda_app.photo.rules import MEDIA_TYPES, PhotoLimits, Preprocessing
from lambda_app.photo.trimming import fitted, without_borders

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Pillow's own limit is turned off. `PhotoLimits` replaces it: checked on the header, with errors that name the value.
Image.MAX_IMAGE_PIXELS = None
# Large JPEGs are decoded at a reduced scale, but not below 1.5 times the target size. Compared with a decode at full
# scale, a photo of 816 pixels at size 224 takes 3 ms instead of 10, with a PSNR of 52 dB; the lowest PSNR was 47 dB.
DRAFT = 1.5
# Other large photos are first reduced by averaging whole pixels, but not below 3 times the target size. It is what
# Pillow's `resize` does with `reducing_gap=3`, but before the photo is converted and turned, and in strips.
REDUCING_GAP = 3.0
MOST_WEBP_BYTES = 10 << 20  # WebP needs twice the time of a JPEG for a byte, and has no decode at reduced scale
STRIP_PIXELS = 1 << 20
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2}  # of Pillow, by mode; 4 in the others


def load_rgb(
    data: bytes, settings: Preprocessing, limits: PhotoLimits = PhotoLimits(), memory: DecodingMemory | None = None
) -> npt.NDArray[np.uint8]:
    """Decode a JPEG, PNG or WebP photo and letterbox it.

    Args:
        data: the file's bytes. Their signature decides the format, not a file name or a declared media type.
        settings: target size and interpolation.
        limits: largest area, side and work that are accepted.
        memory: what all photos that are decoded at once may take; None for no limit.

    Returns:
        uint8 (size, size, 3), RGB.

    Raises:
        UnsupportedPhotoError: the photo is not a JPEG, PNG or WebP, or it is animated.
        PhotoTooLargeError: the photo exceeds `limits`, or the whole of `memory`.
        UndecodablePhotoError: the file is damaged.
        BusyError: there is no memory for the photo now.
    """
    container, photo = open_photo(data, limits)
    with photo:
        try:
            # JPEG only, no effect on other formats: decode at 1/2, 1/4 or 1/8 scale. The long side stays at DRAFT times
            # the target or more, so that the antialiasing resize below still has enough detail to average.
            photo.draft("RGB" if photo.mode != "L" else "L", _draft_size(photo.size, math.ceil(DRAFT * settings.size)))
            with memory.reserved(_memory_needed(photo, container)) if memory else nullcontext():
                return _letterbox(photo, container.orientation, settings)
        except LookalikeError:
            raise
        except MemoryError as exc:
            raise BusyError("there is not enough memory to decode the photo now") from exc
        except Exception as exc:  # with a damaged file, Pillow's parsers may raise any exception
            raise UndecodablePhotoError(f"the photo does not decode: {_reason(exc)}") from exc


def open_photo(data: bytes, limits: PhotoLimits = PhotoLimits()) -> tuple[Container, Image.Image]:
    """Read a photo's header and check its format, animation, size and work, without decoding pixels.

    Raises:
        PhotoError: as in `load_rgb`.
        BusyError: as in `load_rgb`.
    """
    kind = media_type(data)
    if kind is None:
        raise UnsupportedPhotoError(f"{_description(data)} is not a JPEG, PNG or WebP photo")
    container = _read_container(data, kind, limits)
    try:
        photo = Image.open(io.BytesIO(container.data), formats=tuple(MEDIA_TYPES))
        if kind == MEDIA_TYPES["WEBP"]:
            exif, xmp = photo.info.get("exif", b""), photo.info.get("xmp", b"")
            container = replace(container, orientation=read_orientation(exif, xmp))
    except UnidentifiedImageError as exc:
        raise UndecodablePhotoError("the photo's header does not decode") from exc
    except MemoryError as exc:
        raise BusyError("there is not enough memory to open the photo now") from exc
    except Exception as exc:  # as in load_rgb
        raise UndecodablePhotoError(f"the photo's header does not decode: {_reason(exc)}") from exc
    _check(photo, limits)
    return container, photo


def media_type(data: bytes) -> str | None:
    """The media type according to the file's first bytes; None if not JPEG, PNG or WebP."""
    if data[:2] == b"\xff\xd8":
        return MEDIA_TYPES["JPEG"]
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return MEDIA_TYPES["PNG"]
    return MEDIA_TYPES["WEBP"] if (data[:4], data[8:12]) == (b"RIFF", b"WEBP") else None


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


def _read_container(data: bytes, kind: str, limits: PhotoLimits) -> Container:
    if kind == MEDIA_TYPES["JPEG"]:
        return read_jpeg(data, limits)
    if kind == MEDIA_TYPES["PNG"]:
        return read_png(data, limits)
    if len(data) > MOST_WEBP_BYTES:
        raise PhotoTooLargeError(f"the photo is a WebP of {len(data):,} bytes; the limit is {MOST_WEBP_BYTES:,}")
    return Container(data)


def _check(photo: Image.Image, limits: PhotoLimits) -> None:
    width, height = photo.size
    if max(width, height) > limits.side:
        raise PhotoTooLargeError(f"the photo is {width} x {height}; the limit is {limits.side:,} pixels a side")
    if width * height > limits.pixels:
        raise PhotoTooLargeError(
            f"the photo is {width} x {height} = {width * height:,} pixels; the limit is {limits.pixels:,}"
        )
    if getattr(photo, "is_animated", False):
        raise UnsupportedPhotoError(f"the {photo.format} is animated; only still photos are supported")


def _draft_size(size: tuple[int, int], target: int) -> tuple[int, int]:
    scale = target / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _to_rgb(photo: Image.Image) -> Image.Image:
    """Convert any mode to RGB. Transparent photos are put on black; 16-bit values are scaled to 8 bits."""
    if photo.mode.startswith("I") or photo.mode == "F":
        return Image.fromarray((np.asarray(photo, np.float32) / 257.0).clip(0, 255).astype(np.uint8)).convert("RGB")
    if photo.has_transparency_data:
        rgba = photo.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")
    return photo.convert("RGB")


def _letterbox(photo: Image.Image, orientation: int, settings: Preprocessing) -> npt.NDArray[np.uint8]:
    photo.load()
    size = settings.size
    full = (photo.height, photo.width) if swaps_sides(orientation) else photo.size
    width, height = fitted(*full, size)
    across, down = (max(1, int(full[0] / width / REDUCING_GAP)), max(1, int(full[1] / height / REDUCING_GAP)))
    reduced = _upright_rgb(photo, orientation, across, down)
    box = (0.0, 0.0, full[0] / across, full[1] / down)
    if settings.fit == "trimmed":
        box = without_borders(reduced, box)
        width, height = fitted((box[2] - box[0]) * across, (box[3] - box[1]) * down, size)
    resized = reduced.resize((width, height), RESAMPLING[settings.interpolation], box)
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = np.asarray(resized)
    return square


def _upright_rgb(photo: Image.Image, orientation: int, across: int, down: int) -> Image.Image:
    """The photo upright and in RGB, with each `across` x `down` pixels averaged to one.

    Strips are converted, turned and averaged one by one, so that no copy of a large photo is made. They begin at the
    side that is on top or on the left of the upright photo. So the result is that of averaging the whole upright photo.
    """
    if across == down == 1:
        return upright(_to_rgb(photo), orientation)
    swapped, reversed_rows = swaps_sides(orientation), reverses_rows(orientation)
    width, height = photo.size
    step = across if swapped else down  # rows of the photo as it is stored that become one row or column
    full = (height, width) if swapped else (width, height)
    reduced = Image.new("RGB", (-(-full[0] // across), -(-full[1] // down)))
    rows = max(1, STRIP_PIXELS // (width * step)) * step
    for start in range(0, height, rows):
        end = min(height, start + rows)
        top, bottom = (height - end, height - start) if reversed_rows else (start, end)
        strip = upright(_to_rgb(photo.crop((0, top, width, bottom))), orientation).reduce((across, down))
        reduced.paste(strip, (start // step, 0) if swapped else (0, start // step))
    return reduced


def _memory_needed(photo: Image.Image, container: Container) -> int:
    """Bytes that decoding takes at its peak, by what the decoders allocate; measured within a tenth."""
    pixels = photo.width * photo.height
    if photo.format == "WEBP":
        return 16 * pixels  # two canvases of libwebp's, the copy that it hands over, Pillow's own
    return container.coefficient_bytes + _PIXEL_BYTES.get(photo.mode, 4) * pixels


def _description(data: bytes) -> str:
    return f"a file of {len(data)} bytes that begins with {data[:8]!r}" if data else "an empty file"


def _reason(exc: Exception) -> str:
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__
