"""What of a photo's file decides its pixels, and how much work it asks of a decoder; read from the bytes.

A decoder obeys the file: a JPEG of 94 KB may ask for 5,000 passes over its pixels, a PNG of 4 MB may hold a million
chunks. So the file is read first, and what would take too long is refused before anything is decoded. Metadata goes no
further than this module, except for the orientation and the colour profile.
"""

from dataclasses import dataclass

from lambda_app.errors import PhotoTooLargeError


@dataclass(frozen=True)
class Picture:
    """The coded picture of a JPEG; `cut.py` judges by it whether all of it is there.

    Attributes:
        start: position in the container's data where the marker of the first scan begins.
        ended: whether the file itself has an end marker behind it. If not, the container's data has one added.
        refined: whether its last scan only refines what others brought, so that the loss of it is not seen.
        restarts: whether restart markers stand within it.
        across, down: size of its units (MCU), in pixels.
    """

    start: int
    ended: bool
    refined: bool
    restarts: bool
    across: int
    down: int


@dataclass(frozen=True)
class Container:
    """A file without its metadata.

    Attributes:
        data: the file's bytes, without what does not decide pixels.
        orientation: 1 to 8, as in EXIF.
        coefficient_bytes: memory for the coefficients of the whole photo, which a JPEG of several scans needs.
        profile: the ICC profile of its colours; empty without one.
        picture: of a JPEG; None in other formats.
    """

    data: bytes
    orientation: int = 1
    coefficient_bytes: int = 0
    profile: bytes = b""
    picture: Picture | None = None


def check_count(what: str, count: int, limit: int) -> None:
    """Check a count of a file's parts.

    Raises:
        PhotoTooLargeError: more than `limit`.
    """
    if count > limit:
        raise PhotoTooLargeError(f"the photo has more than {limit:,} {what}, which is the limit")
