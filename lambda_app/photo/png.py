"""A PNG's chunks (W3C PNG, third edition, section 5.3): only those that decide pixels are kept."""

from lambda_app.errors import PhotoTooLargeError, UnsupportedPhotoError
from lambda_app.photo.container import Container, check_count
from lambda_app.photo.orientation import read_orientation
from lambda_app.photo.rules import PhotoLimits

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Encoders write 8 KiB or more of pixels in a chunk: 2,500 chunks for the largest upload. Pillow needs 10 us for each.
MOST_CHUNKS = 10_000
_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_CHANNELS = {2: 3, 4: 2, 6: 4}  # by colour type; 1 in the others
_XMP_PREFIX = b"XML:com.adobe.xmp\x00\x00\x00"


def read_png(data: bytes, limits: PhotoLimits) -> Container:
    """Leave out metadata and count the work.

    Raises:
        PhotoTooLargeError: too many chunks, or too many bytes in its rows.
        UnsupportedPhotoError: it is animated.
    """
    kept, exif, xmp = [SIGNATURE], b"", b""
    at, count, run = len(SIGNATURE), 0, len(SIGNATURE)
    while at < len(data):
        name, start = data[at + 4 : at + 8], at + 8
        end = start + int.from_bytes(data[at : at + 4], "big")
        count += 1
        check_count("chunks", count, MOST_CHUNKS)
        if name == b"IHDR":
            _check_rows(data[start:end], limits)
        if name == b"acTL" and int.from_bytes(data[start : start + 4], "big") > 1:
            raise UnsupportedPhotoError("the PNG is animated; only still photos are supported")
        if name == b"eXIf":
            exif = exif or data[start:end]
        elif name == b"iTXt" and data.startswith(_XMP_PREFIX, start):
            xmp = xmp or data[start:end]
        at = end + 4  # behind the checksum
        if name not in _KEPT:
            kept.append(data[run : start - 8])
            run = at
        elif name == b"IEND":
            break
    kept.append(data[run:at])
    return Container(b"".join(kept), read_orientation(exif, xmp))


def _check_rows(header: bytes, limits: PhotoLimits) -> None:
    if len(header) != 13:
        return  # the decoder refuses it
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if width * height > limits.pixels:
        return  # refused later, by a message about pixels
    channels = _CHANNELS.get(header[9], 1)
    size = -(-width * height * header[8] * channels // 8)
    if size > limits.row_bytes:
        raise PhotoTooLargeError(
            f"the photo is a PNG of {width} x {height} with {channels} channels of {header[8]} bits = {size:,} bytes; "
            f"the limit is {limits.row_bytes:,}"
        )
