"""The orientation that a camera noted in a photo: the EXIF tag, or XMP's copy of it.

Pillow reads every tag of the EXIF data. Tags may overlap, so a crafted block of 4 MB makes Pillow copy gigabytes. Here
one tag is read.
"""

import re
import struct

from PIL import Image

_TAG = 0x0112
_INTEGERS = {1: "B", 3: "H", 4: "L"}  # TIFF types: BYTE, SHORT, LONG
_MOST_ENTRIES = 1000
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_orientation(exif: bytes, xmp: bytes = b"") -> int:
    """The orientation, 1 to 8 (EXIF 2.3, tag 274). 1, upright, if neither block names one or they are damaged.

    Args:
        exif: a TIFF structure, with or without the prefix of a JPEG segment; it counts before `xmp`.
        xmp: an XMP packet.
    """
    try:
        found = _exif_orientation(exif.removeprefix(b"Exif\x00\x00"))
    except struct.error:
        found = None
    if found is None:
        packet = _XMP.search(xmp)
        found = int(packet[1]) if packet else 1
    return found if found in _TURNS else 1


def upright(photo: Image.Image, orientation: int) -> Image.Image:
    """The photo as the camera saw it."""
    return photo if orientation == 1 else photo.transpose(_TURNS[orientation])


def swaps_sides(orientation: int) -> bool:
    """Whether the upright photo's width is the height of the photo as it is stored."""
    return orientation > 4


def reverses_rows(orientation: int) -> bool:
    """Whether the first row of the photo as it is stored is the last row or column of the upright one."""
    return orientation in (3, 4, 6, 7)


def stored_box(box: tuple[int, int, int, int], size: tuple[int, int], orientation: int) -> tuple[int, int, int, int]:
    """Where a box of the upright photo is in the photo as it is stored: left, top, right, bottom.

    Args:
        size: width and height of the upright photo.
    """
    left, top, right, bottom = box
    width, height = size
    if swaps_sides(orientation):
        left, top, right, bottom = top, left, bottom, right
        width, height = height, width
    if orientation in (2, 3, 7, 8):  # the first column as it is stored is the last column or row of the upright photo
        left, right = width - right, width - left
    if reverses_rows(orientation):
        top, bottom = height - bottom, height - top
    return left, top, right, bottom


def _exif_orientation(tiff: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    (start,) = struct.unpack_from(f"{order}L", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, start)
    for at in range(start + 2, start + 2 + 12 * min(entries, _MOST_ENTRIES), 12):
        tag, kind, count = struct.unpack_from(f"{order}HHL", tiff, at)
        if tag == _TAG:
            known = kind in _INTEGERS and count == 1
            return int(struct.unpack_from(order + _INTEGERS[kind], tiff, at + 8)[0]) if known else None
    return None
