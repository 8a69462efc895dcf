"""Finds the stored photo of which a photo is a copy, perhaps turned, mirrored or grey."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.comparison import distances
from lambda_app.likeness.fingerprint import Cells

# So many photos with the nearest descriptors are compared, if the cosine of the descriptors is above this.
CANDIDATES, LEAST_COSINE = 8, 0.97
# Turned, mirrored and grey copies are within 0.07 of their photo. Of 400 clothing photos and 400 drawn ones that were
# not in the catalogue, one was within 0.1 of another: T-shirts of two colours, laid on the same ground.
MOST_DISTANCE = 0.1


def nearest_copy(asked: Sequence[Cells], fingerprints: npt.NDArray[np.uint8], limit: float) -> int | None:
    """Which of some stored photos a photo is a copy of; None if of none. It is compared in four directions.

    Args:
        asked: the photo's `views`.
        fingerprints: uint8 (m, 197), of the stored photos.
        limit: the largest distance of photos that are the same; no more than `MOST_DISTANCE` counts.

    Returns:
        The number of the nearest one, from 0.
    """
    if not len(fingerprints) or not asked:
        return None
    turned = [np.ascontiguousarray(np.rot90(view, turns)) for turns in range(4) for view in asked]
    far = distances(turned, fingerprints)
    nearest = int(far.argmin())
    return nearest if far[nearest] <= min(limit, MOST_DISTANCE) else None
