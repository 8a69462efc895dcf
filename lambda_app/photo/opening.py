"""Opens a photo: its format by its bytes, its metadata left out, its size and its work checked. No pixel is decoded."""

import io
from dataclasses import replace

from PIL import Image, UnidentifiedImageError

from lambda_app.errors import BusyError, PhotoTooLargeError, UndecodablePhotoError, UnsupportedPhotoError
from lambda_app.photo.avif import read_avif
from lambda_app.photo.container import Container
from lambda_app.photo.jpeg import read_jpeg
from lambda_app.photo.kinds import media_type, refusal
from lambda_app.photo.orientation import read_orientation
from lambda_app.photo.png import read_png
from lambda_app.photo.rules import MEDIA_TYPES, PhotoLimits
from lambda_app.photo.webp import read_webp

# Pillow's own limit is turned off. `PhotoLimits` replaces it: checked on the header, with errors that name the value.
Image.MAX_IMAGE_PIXELS = None
_FORMATS = {kind: name for name, kind in MEDIA_TYPES.items()}
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2}  # of Pillow, by mode; 4 in the others


def open_photo(data: bytes, limits: PhotoLimits = PhotoLimits()) -> tuple[Container, Image.Image]:
    """Read a photo's header and check its format, animation, size and work, without decoding pixels.

    Raises:
        PhotoError: as in `load_rgb`.
        BusyError: as in `load_rgb`.
    """
    kind = media_type(data)
    if kind is None:
        raise UnsupportedPhotoError(refusal(data))
    container = _read_container(data, kind, limits)
    try:
        if kind == MEDIA_TYPES["AVIF"]:
            _prepare_avif()
        photo = Image.open(io.BytesIO(container.data), formats=(_FORMATS[kind],))
        if kind == MEDIA_TYPES["AVIF"]:  # the decoder reports its own boxes in this form
            orientation = read_orientation(photo.info.get("exif", b""))
            container = replace(container, orientation=orientation, profile=photo.info.get("icc_profile", b""))
    except UnidentifiedImageError as exc:
        raise UndecodablePhotoError("the photo's header does not decode") from exc
    except MemoryError as exc:
        raise BusyError("there is not enough memory to open the photo now") from exc
    except Exception as exc:  # with a damaged file, Pillow's parsers may raise any exception
        raise UndecodablePhotoError(f"the photo's header does not decode: {reason(exc)}") from exc
    _check(photo, limits)
    return container, photo


def memory_needed(photo: Image.Image, container: Container) -> int:
    """Bytes that decoding takes at its peak, by what the decoders allocate; measured within a tenth."""
    pixels = photo.width * photo.height
    if photo.format == "WEBP":
        return 16 * pixels  # two canvases of libwebp's, the copy that it hands over, Pillow's own
    if photo.format == "AVIF":
        # The planes, with two bytes for a sample of 10 bits; RGBA, the copy that it hands over, Pillow's own.
        return 20 * pixels
    return container.coefficient_bytes + _PIXEL_BYTES.get(photo.mode, 4) * pixels


def reason(exc: Exception) -> str:
    """The first line of an exception's text, or else its class."""
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__


def _prepare_avif() -> None:
    from PIL import AvifImagePlugin  # 4 ms, so only when it is needed

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # the service decides how many photos are decoded at once


def _read_container(data: bytes, kind: str, limits: PhotoLimits) -> Container:
    if kind == MEDIA_TYPES["JPEG"]:
        return read_jpeg(data, limits)
    if kind == MEDIA_TYPES["PNG"]:
        return read_png(data, limits)
    return read_webp(data) if kind == MEDIA_TYPES["WEBP"] else read_avif(data)


def _check(photo: Image.Image, limits: PhotoLimits) -> None:
    width, height = photo.size
    most = limits.avif_pixels if photo.format == "AVIF" else limits.pixels
    if max(width, height) > limits.side:
        raise PhotoTooLargeError(f"the photo is {width} x {height}; the limit is {limits.side:,} pixels a side")
    if width * height > most:
        raise PhotoTooLargeError(
            f"the photo is {'an AVIF of ' if photo.format == 'AVIF' else ''}{width} x {height} = "
            f"{width * height:,} pixels; the limit is {most:,}"
        )
    if getattr(photo, "is_animated", False):
        raise UnsupportedPhotoError(f"the {photo.format} is animated; only still photos are supported")
