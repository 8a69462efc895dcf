"""What of a photo's file decides its pixels, and how much work it asks of a decoder; read from the bytes.

A decoder obeys the file: a JPEG of 94 KB may ask for 5,000 passes over its pixels, a PNG of 4 MB may hold a million
chunks. So the file is read first, and what would take too long is refused before anything is decoded. Metadata goes no
further than this module, except for the orientation.
"""

from dataclasses import dataclass

from lambda_app.errors import PhotoTooLargeError


@dataclass(frozen=True)
class Container:
    """A file without its metadata.

    Attributes:
        data: the file's bytes, without what does not decide pixels.
        orientation: 1 to 8, as in EXIF.
        coefficient_bytes: memory for the coefficients of the whole photo, which a JPEG of several scans needs.
    """

    data: bytes
    orientation: int = 1
    coefficient_bytes: int = 0


def check_count(what: str, count: int, limit: int) -> None:
    """Check a count of a file's parts.

    Raises:
        PhotoTooLargeError: more than `limit`.
    """
    if count > limit:
        raise PhotoTooLargeError(f"the photo has more than {limit:,} {what}, which is the limit")
