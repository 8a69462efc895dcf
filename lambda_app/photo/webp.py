"""A WebP's chunks (RFC 9649, section 2.3): only those that decide pixels are kept."""

from lambda_app.errors import PhotoTooLargeError, UndecodablePhotoError
from lambda_app.photo.container import Container, check_count
from lambda_app.photo.orientation import read_orientation

MOST_BYTES = 10 << 20  # WebP needs twice the time of a JPEG for a byte, and has no decode at reduced scale
MOST_CHUNKS = 1000
_PICTURES = frozenset((b"VP8 ", b"VP8L"))
_KEPT = _PICTURES | {b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_METADATA_FLAGS = 0x20 | 0x08 | 0x04  # profile, EXIF, XMP


def read_webp(data: bytes) -> Container:
    """Leave out metadata.

    Raises:
        PhotoTooLargeError: too many bytes or chunks.
        UndecodablePhotoError: the picture is cut off.
    """
    if len(data) > MOST_BYTES:
        raise PhotoTooLargeError(f"the photo is a WebP of {len(data):,} bytes; the limit is {MOST_BYTES:,}")
    kept: list[bytes] = []
    metadata: dict[bytes, bytes] = {}
    at, count = 12, 0
    while at + 8 <= len(data):
        name, start = data[at : at + 4], at + 8
        size = int.from_bytes(data[at + 4 : start], "little")
        count += 1
        check_count("chunks", count, MOST_CHUNKS)
        content = data[start : start + size]
        if name in _PICTURES and len(content) < size:
            share = 100 * len(content) // size
            raise UndecodablePhotoError(f"the photo does not decode: it is cut off, {share} % of its picture is there")
        if name == b"VP8X" and content:
            content = bytes([content[0] & ~_METADATA_FLAGS]) + content[1:]
        if name in _KEPT:
            kept.append(name + size.to_bytes(4, "little") + content + bytes(size & 1))
        else:
            metadata.setdefault(name, content)
        at = start + size + (size & 1)
    body = b"WEBP" + b"".join(kept)
    orientation = read_orientation(metadata.get(b"EXIF", b""), metadata.get(b"XMP ", b""))
    return Container(b"RIFF" + len(body).to_bytes(4, "little") + body, orientation, profile=metadata.get(b"ICCP", b""))
