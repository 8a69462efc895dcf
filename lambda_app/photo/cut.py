"""Finds out whether a JPEG is complete. A decoder fills missing parts with grey, without an error.

A photo that looks cut off is decoded a second time, with noise behind its data. If the file is complete, the decoder
does not use the noise, and both pictures are equal. If not, the noise fills the missing part, so the first unit that
differs is the first one that is missing. Other photos are decoded once.
"""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.errors import UndecodablePhotoError
from lambda_app.photo.container import Container, Picture
from lambda_app.photo.jpeg import END

# A photo is not refused if at most one in so many units is missing.
_SHARE = 100
# Nor is it refused if about 100 bytes are missing. The number of units in them is estimated from the last 200 bytes
# that are there. It has a limit, because in a plain area 100 bytes hold many units.
_BYTES = 200
_MOST_SHARE = 4
_SMALL = 20_000  # units; in a larger picture, 100 bytes hold less than the share above, so nothing is estimated
_NOISE = bytes(range(7, 251, 3))
_RESTARTS = range(0xD0, 0xD8)
_GREY = frozenset((127, 128))  # the value of a sample without data; 127 if it is inverted, as in CMYK


def mend(photo: Image.Image, container: Container, full: tuple[int, int]) -> Image.Image:
    """The photo; if a small part is missing, the lines above it are repeated there.

    Args:
        photo: decoded, maybe at a reduced scale.
        container: what it was decoded from.
        full: width and height that its header names.

    Raises:
        UndecodablePhotoError: more is missing; the message says how much is there.
    """
    picture = container.picture
    if picture is None or picture.refined or (picture.ended and not _ends_grey(photo)):
        return photo
    units = _Units(photo, full, picture)
    data = container.data[: container.data.find(END, picture.start)]
    there = units.before_difference(data)
    if not picture.ended and there == units.count:
        there = _before_filling(units, data)
    missing = units.count - there
    allowed = max(1, units.count // _SHARE)
    if allowed < missing <= units.count // _MOST_SHARE and units.count < _SMALL:
        allowed = there - min(there, units.before_difference(data[:-_BYTES]))
    if missing > min(allowed, units.count // _MOST_SHARE):
        there = min(there, units.before_difference(data.rstrip(b"\x00")))
        share = min(99.9, 100 * there / units.count)
        raise UndecodablePhotoError(
            f"the photo does not decode: it is cut off, {share:.{1 if share > 99 else 0}f} % of its rows are there"
        )
    return units.filled(there) if missing else photo


def _before_filling(units: "_Units", data: bytes) -> int:
    """Units before the zeros that a broken download or disk has left at the end of a file.

    The code of a plain area may be zeros too. Then the picture changes if some of them are removed.
    """
    bare = data.rstrip(b"\x00")
    if len(data) - len(bare) <= _BYTES or units.before_difference(data[:-_BYTES]) < units.count:
        return units.count
    return units.before_difference(bare)


class _Units:
    """The units (MCU) of a decoded photo, in the order of the file: by rows."""

    def __init__(self, photo: Image.Image, full: tuple[int, int], picture: Picture) -> None:
        self._photo, self._picture = photo, picture
        self._pixels = np.asarray(photo)
        # The decoder's scale of 1, 1/2, 1/4 or 1/8; it rounds sizes up.
        scale = next(by for by in (1, 2, 4, 8) if tuple(-(-side // by) for side in full) == photo.size)
        self._asked = max(1, full[0] // scale), max(1, full[1] // scale)
        self._width, self._height = max(1, picture.across // scale), max(1, picture.down // scale)
        self._columns, self._rows = -(-full[0] // picture.across), -(-full[1] // picture.down)
        # At full scale a decoder smooths the colours across the edges of units.
        self._smoothed = 2 if scale == 1 else 0
        self.count = self._columns * self._rows

    def before_difference(self, data: bytes) -> int:
        """Units before the first that differs, if `data` and noise are decoded instead; all if none differs.

        Args:
            data: the file, up to where its picture ends or before.
        """
        data = data.rstrip(b"\xff")  # with noise behind it, the first half of a stuffed byte would be a marker
        differs = self._pixels != self._decoded(data + _noise(data, self._picture) + END)
        differs = differs.reshape(*differs.shape[:2], -1).any(axis=2)
        rows = np.flatnonzero(differs.any(axis=1))
        if not rows.size:
            return self.count
        row = int(rows[0] + self._smoothed) // self._height
        # What is missing in the row of units below is smoothed into the last lines of this one, at each column.
        own = differs[row * self._height : (row + 1) * self._height - self._smoothed]
        within = np.flatnonzero(own.any(axis=0))
        column = int(within[0] + self._smoothed) // self._width if within.size else 0
        return min(row * self._columns + column, self.count)

    def filled(self, there: int) -> Image.Image:
        """The photo, with the unit above in the place of each that is missing."""
        pixels = self._pixels.copy()
        row, column = divmod(there, self._columns)
        for at in range(max(1, row), self._rows):
            top, left = at * self._height, column * self._width if at == row else 0
            below = pixels[top : top + self._height, left:]
            below[:] = pixels[top - 1 : top, left:]
        return Image.frombytes(self._photo.mode, self._photo.size, pixels.tobytes())

    def _decoded(self, data: bytes) -> npt.NDArray[np.uint8]:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as photo:
            photo.draft(self._photo.mode, self._asked)
            return np.asarray(photo)


def _noise(data: bytes, picture: Picture) -> bytes:
    """Coded data of no meaning, with the restart markers that are expected next if there are any."""
    if not picture.restarts:
        return _NOISE
    last = max(_RESTARTS, key=lambda code: data.rfind(bytes([0xFF, code]), picture.start))
    known = data.rfind(bytes([0xFF, last]), picture.start) >= 0
    following = last + 1 - _RESTARTS[0] if known else 0
    return _NOISE + b"".join(bytes([0xFF, _RESTARTS[(following + at) % 8]]) + _NOISE for at in range(8))


def _ends_grey(photo: Image.Image) -> bool:
    """Whether the last pixel is what a decoder makes of no data."""
    pixel = photo.getpixel((photo.width - 1, photo.height - 1))
    return _GREY.issuperset(pixel if isinstance(pixel, tuple) else (pixel,))
