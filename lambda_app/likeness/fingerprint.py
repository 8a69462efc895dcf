"""The fingerprint of a photo: 197 bytes that tell the same photo from another photo of the same thing.

It is a picture of 15 x 15 cells of brightness, 7 bits each. Hashes of a few bits, such as pHash and PDQ, are smaller,
but a photo that was cropped by an unknown amount has to be compared with hashes of many crops. A small picture can be
laid over another one at any place: see `comparison`.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.photo.trimming import Box, inside_borders

VERSION = 2  # of the fingerprint and of the distance; thresholds are valid for one version
SIDE = 15  # cells of a stored photo, across and down
DETAIL = 60  # cells of a photo that is compared with it, which is laid at places between those cells
BITS = 7
FINGERPRINT_BYTES = -(-SIDE * SIDE * BITS // 8)

Cells = npt.NDArray[np.float32]
LEVELS = (1 << BITS) - 1
_WIDE = 0.2  # share of a side that both borders of it take


def views(photo: Image.Image) -> tuple[Cells, ...]:
    """The brightness of a photo, in cells. Width and height are stretched to the same number of cells.

    Args:
        photo: the upright photo in RGB, with its borders; 128 pixels of a side are enough.

    Returns:
        float32 (60, 60), from 0 to 255: of the whole photo, of which the fingerprint is made. If the photo has uniform
        borders, also without the first and without all: whoever sends it may have added one to a stored photo. A wide
        border may be one around a photo that has one of the same colour, so it is also cut off by half.
    """
    whole = (0.0, 0.0, *photo.size)
    boxes = inside_borders(photo, whole)
    if len(boxes) > 1:
        boxes = [whole, *_half(whole, boxes[1]), boxes[1], boxes[-1]]
    return tuple(_cells(photo, box) for box in dict.fromkeys(boxes))


def _half(whole: Box, inner: Box) -> list[Box]:
    """The box between both, if the border between them is wide."""
    across, down = whole[2] - (inner[2] - inner[0]), whole[3] - (inner[3] - inner[1])
    if across <= _WIDE * whole[2] and down <= _WIDE * whole[3]:
        return []
    left, top, right, bottom = ((outer + own) / 2 for outer, own in zip(whole, inner, strict=True))
    return [(left, top, right, bottom)]


def fingerprint_of(photo: Image.Image) -> npt.NDArray[np.uint8]:
    """The fingerprint of an upright photo in RGB: uint8 (197,)."""
    return fingerprint(_cells(photo, (0.0, 0.0, *photo.size)))


def fingerprint(cells: Cells) -> npt.NDArray[np.uint8]:
    """The fingerprint of a photo whose brightness is `cells`, float32 (60, 60): uint8 (197,)."""
    pairs = cells.reshape(SIDE, DETAIL // SIDE, SIDE, DETAIL // SIDE).mean(axis=(1, 3))
    low, high = pairs.min(), pairs.max()
    levels = np.rint((pairs - low) * (LEVELS / max(1.0, float(high - low)))).astype(np.uint8)
    return np.packbits(np.unpackbits(levels.reshape(-1, 1), axis=1)[:, 8 - BITS :])


def cells_of(fingerprints: npt.NDArray[np.uint8]) -> Cells:
    """The cells that fingerprints hold.

    Args:
        fingerprints: uint8 (m, 197).

    Returns:
        float32 (m, 15, 15), from 0 (the darkest cell of the photo) to 127.
    """
    bits = np.unpackbits(fingerprints, axis=1, count=SIDE * SIDE * BITS)
    bits = bits.reshape(len(fingerprints), SIDE, SIDE, BITS)
    weights = (1 << np.arange(BITS)[::-1]).astype(np.float32)
    return np.asarray(bits @ weights, np.float32)


def _cells(photo: Image.Image, box: Box) -> Cells:
    return np.asarray(photo.convert("L").resize((DETAIL, DETAIL), Image.Resampling.BOX, box), np.float32)
