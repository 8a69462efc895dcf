"""Finds uniform borders of a photo, such as the margins of a screenshot or of a square canvas."""

import numpy as np
import numpy.typing as npt
from PIL import Image

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels

# Largest difference of a border's pixels from its colour, in a channel. JPEG and resizing change uniform areas by less.
_TOLERANCE = 12
# A border may be inside another one: a photo of a product on a plain ground, on a canvas of another colour.
_BORDERS = 4
# A border that leaves less than this share of a side stays: it encloses a detail, or the photo is nearly uniform. For a
# border inside another one, more must be left: else it may be the thing itself, such as a plain box with a logo.
_LEAST, _LEAST_INSIDE = 0.25, 0.5


def without_borders(photo: Image.Image, box: Box) -> Box:
    """The part of the photo inside its uniform borders.

    A border has one colour at all four corners. It is as wide on each side as the rows or columns that have only this
    colour. This repeats, so a photo gives the same picture with and without margins around it.

    Args:
        photo: of any mode with one byte per channel.
        box: the part of it that counts.

    Returns:
        A box inside `box`; `box` itself if the photo has no border, or if nearly all of it is uniform. A border around
        too small a detail stays.
    """
    return inside_borders(photo, box)[-1]


def inside_borders(photo: Image.Image, box: Box) -> list[Box]:
    """The box, then what is left of it without its first border, and so on; the last is that of `without_borders`."""
    pixels = np.asarray(photo)
    pixels = pixels.reshape(*pixels.shape[:2], -1)  # (height, width, channels)
    kept, place = [box], (0, 0, pixels.shape[1], pixels.shape[0])
    for number in range(_BORDERS):
        left, top, right, bottom = place
        inner = _inside_border(pixels[top:bottom, left:right])
        if inner is None:
            break
        place = left + inner[0], top + inner[1], left + inner[2], top + inner[3]
        found = max(box[0], place[0]), max(box[1], place[1]), min(box[2], place[2]), min(box[3], place[3])
        if _share_of_sides(found, box) < _LEAST or (number and _share_of_sides(found, kept[-1]) < _LEAST_INSIDE):
            break
        kept.append(found)
    return kept


def fitted(width: float, height: float, size: int) -> tuple[int, int]:
    """The sides in pixels of a photo that is scaled to fill a square of this size, without a change of proportions."""
    scale = size / max(width, height)
    across, down = (min(size, max(1, round(side * scale))) for side in (width, height))
    return across, down


def _share_of_sides(inner: Box, outer: Box) -> float:
    """The smaller of the shares of width and height of `outer` that `inner` has."""
    return min((inner[2] - inner[0]) / (outer[2] - outer[0]), (inner[3] - inner[1]) / (outer[3] - outer[1]))


def _inside_border(pixels: npt.NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what the border encloses; None without a border, or without anything inside."""
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]].astype(np.int16)  # (4, channels)
    colour = np.median(corners, axis=0)
    if np.abs(corners - colour).max() > _TOLERANCE:
        return None
    differs = (np.abs(pixels.astype(np.int16) - colour.astype(np.int16)) > _TOLERANCE).any(axis=2)
    columns, rows = np.flatnonzero(differs.any(axis=0)), np.flatnonzero(differs.any(axis=1))
    if not len(rows):
        return None
    inner = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return None if inner == (0, 0, pixels.shape[1], pixels.shape[0]) else inner
