"""A PNG's chunks (W3C PNG, third edition, section 5.3): only those that decide pixels are kept."""

import zlib

from lambda_app.errors import PhotoTooLargeError, UnsupportedPhotoError
from lambda_app.photo.colour import MOST_PROFILE_BYTES
from lambda_app.photo.container import Container, check_count
from lambda_app.photo.orientation import read_orientation
from lambda_app.photo.rules import PhotoLimits

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Encoders write 8 KiB or more of pixels in a chunk: 2,500 chunks for the largest upload. Pillow needs 10 us for each.
MOST_CHUNKS = 10_000
_CRITICAL = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
_CHANNELS = {2: 3, 4: 2, 6: 4}  # by colour type; 1 in the others
_PALETTE = 3
_TRANSPARENT_COLOUR_BYTES = {0: 2, 2: 6}  # by colour type
_XMP_PREFIX = b"XML:com.adobe.xmp\x00\x00\x00"


def read_png(data: bytes, limits: PhotoLimits) -> Container:
    """Leave out metadata and count the work. A damaged chunk that a decoder can do without is left out too.

    Raises:
        PhotoTooLargeError: too many chunks, or too many bytes in its rows.
        UnsupportedPhotoError: it is animated.
    """
    kept, found = [SIGNATURE], dict[bytes, bytes]()
    at, count, run, colour = len(SIGNATURE), 0, len(SIGNATURE), 0
    while at < len(data):
        name, start = data[at + 4 : at + 8], at + 8
        end = start + int.from_bytes(data[at : at + 4], "big")
        count += 1
        check_count("chunks", count, MOST_CHUNKS)
        if name == b"IHDR":
            _check_rows(data[start:end], limits)
            colour = data[start + 9] if start + 9 < len(data) else 0
        if name == b"acTL" and end - start == 8 and int.from_bytes(data[start : start + 4], "big") > 1:
            raise UnsupportedPhotoError("the PNG is animated; only still photos are supported")
        if name in (b"eXIf", b"iCCP") or (name == b"iTXt" and data.startswith(_XMP_PREFIX, start)):
            found.setdefault(name, data[start:end])
        at = end + 4  # behind the checksum
        if not _is_needed(name, data[start : end + 4], colour):
            kept.append(data[run : start - 8])
            at = at if at <= len(data) else _next_picture_chunk(data, start)
            run = at
        elif name == b"IEND":
            break
    kept.append(data[run:at])
    orientation = read_orientation(found.get(b"eXIf", b""), found.get(b"iTXt", b""))
    return Container(b"".join(kept), orientation, profile=_profile(found.get(b"iCCP", b"")))


def _is_needed(name: bytes, content: bytes, colour: int) -> bool:
    """Whether a decoder needs the chunk and can read it; `content` has the checksum at its end."""
    if name == b"PLTE":
        return colour == _PALETTE  # else a hint for screens of few colours
    if name != b"tRNS":
        return name in _CRITICAL
    size = len(content) - 4
    fits = size <= 256 if colour == _PALETTE else size == _TRANSPARENT_COLOUR_BYTES.get(colour)
    return fits and zlib.crc32(name + content[:-4]) == int.from_bytes(content[-4:], "big")


def _next_picture_chunk(data: bytes, at: int) -> int:
    """Where the next chunk of the picture begins behind a chunk whose length is wrong."""
    found = [position - 4 for name in (b"PLTE", b"IDAT") if (position := data.find(name, at + 4)) >= 0]
    return min(found, default=len(data))


def _profile(content: bytes) -> bytes:
    """The colour profile of a chunk, without its name; empty if it does not unpack or is too large."""
    packed = content[content.find(b"\x00") + 2 :]
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed, MOST_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpacking.eof else b""


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
