"""The fingerprint of a photo: 192 bytes that tell the same photo from another photo of the same thing.

It is a picture of 16 x 16 cells of brightness, 6 bits each. Hashes of a few bits, such as pHash and PDQ, are smaller,
but a photo that was cropped by an unknown amount has to be compared with hashes of many crops. A small picture can be
laid over another one at any place: see `comparison`.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.photo.trimming import Box, without_borders

VERSION = 1  # of the fingerprint and of the distance; thresholds are valid for one version
SIDE = 16  # cells of a stored photo, across and down
DETAIL = 32  # cells of a photo that is compared with it, which is laid at places between those cells
BITS = 6
FINGERPRINT_BYTES = SIDE * SIDE * BITS // 8

Cells = npt.NDArray[np.float32]
_LEVELS = (1 << BITS) - 1


def views(photo: Image.Image) -> tuple[Cells, ...]:
    """The brightness of a photo, in cells. Width and height are stretched to the same number of cells.

    Args:
        photo: the upright photo in RGB, with its borders; 128 pixels of a side are enough.

    Returns:
        float32 (32, 32), from 0 to 255: of the whole photo, of which the fingerprint is made. If the photo has uniform
        borders, also without them: whoever sends it may have added them to a stored photo.
    """
    whole = (0.0, 0.0, *photo.size)
    inner = without_borders(photo, whole)
    return tuple(_cells(photo, box) for box in dict.fromkeys((whole, inner)))


def fingerprint_of(photo: Image.Image) -> npt.NDArray[np.uint8]:
    """The fingerprint of an upright photo in RGB: uint8 (192,)."""
    return fingerprint(_cells(photo, (0.0, 0.0, *photo.size)))


def fingerprint(cells: Cells) -> npt.NDArray[np.uint8]:
    """The fingerprint of a photo whose brightness is `cells`, float32 (32, 32): uint8 (192,)."""
    pairs = cells.reshape(SIDE, DETAIL // SIDE, SIDE, DETAIL // SIDE).mean(axis=(1, 3))
    low, high = pairs.min(), pairs.max()
    levels = np.rint((pairs - low) * (_LEVELS / max(1.0, float(high - low)))).astype(np.uint8)
    return np.packbits(np.unpackbits(levels.reshape(-1, 1), axis=1)[:, 8 - BITS :])


def cells_of(fingerprints: npt.NDArray[np.uint8]) -> Cells:
    """The cells that fingerprints hold.

    Args:
        fingerprints: uint8 (m, 192).

    Returns:
        float32 (m, 16, 16), from 0 (the darkest cell of the photo) to 63.
    """
    bits = np.unpackbits(fingerprints, axis=1).reshape(len(fingerprints), SIDE, SIDE, BITS)
    weights = (1 << np.arange(BITS)[::-1]).astype(np.float32)
    return np.asarray(bits @ weights, np.float32)


def _cells(photo: Image.Image, box: Box) -> Cells:
    return np.asarray(photo.convert("L").resize((DETAIL, DETAIL), Image.Resampling.BOX, box), np.float32)
