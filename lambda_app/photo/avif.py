"""An AVIF's boxes (ISO/IEC 14496-12 and 23008-12): its EXIF data is hidden from the decoder.

How the photo is turned stands in boxes of its own (`irot`, `imir`), which the decoder reports; EXIF's orientation does
not count (ISO/IEC 23000-22, section 7.3.6.7).
"""

from lambda_app.errors import PhotoTooLargeError
from lambda_app.photo.container import Container

MOST_BYTES = 10 << 20  # AV1 needs a few times the time of a JPEG for a byte, and has no decode at reduced scale


def read_avif(data: bytes) -> Container:
    """Hide the EXIF data.

    Raises:
        PhotoTooLargeError: too many bytes.
    """
    if len(data) > MOST_BYTES:
        raise PhotoTooLargeError(f"the photo is an AVIF of {len(data):,} bytes; the limit is {MOST_BYTES:,}")
    start, end = _meta(data)
    # Pillow accepts this brand only as the first; the decoder itself looks at all of them.
    first = data[:8] + (data[8:12] if data[8:12] == b"avis" else b"avif") + data[12:start]
    # Only the type of an item has this name, and an item of an unknown type is skipped.
    return Container(first + data[start:end].replace(b"Exif", b"none") + data[end:])


def _meta(data: bytes) -> tuple[int, int]:
    """Where the box that lists the items begins and ends; the end of the file twice without one."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        end = len(data) if size == 0 else at + size
        if data[at + 4 : at + 8] == b"meta":
            return at, min(end, len(data))
        if size < 8 and size != 0:
            break
        at = end
    return len(data), len(data)
