"""Where one photo may lie on another one, along one axis: cut off by up to 15 % of a side, or with as much added.

Both axes are independent, so the placements of a photo are all pairs of a placement across and one down.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import DETAIL, SIDE

# Up to this share of a side is cut off, in steps of half of it. `refined` finds the places between them.
MOST_CUT = 0.15
_STEP = MOST_CUT / 2
# A cell that the other photo covers by a smaller share is not compared.
_LEAST_COVERED = 0.5


@dataclass(frozen=True)
class Placements:
    """Placements of a photo along one axis of a stored photo, whose side is 1.

    Attributes:
        width, start: float64 (p,), the side of the photo and where it begins. A width below 1 is a part of the stored
            photo; above 1, the stored photo is a part of it.
        sampling: float32 (p, 16, 32); times the photo's cells along the axis, it gives the cells of the stored photo.
        covered: float32 (p, 16), 1 for each cell of the stored photo that the photo covers, else 0.
    """

    width: npt.NDArray[np.float64]
    start: npt.NDArray[np.float64]
    sampling: npt.NDArray[np.float32]
    covered: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """The number of placements."""
        return len(self.width)

    def near(self, number: int, step: float) -> "Placements":
        """The nine placements around one of these: up to a step wider or narrower, and moved by up to a step."""
        wider, moved = (axis.ravel() for axis in np.meshgrid([-step, 0.0, step], [-step, 0.0, step]))
        return placements(self.width[number] + wider, self.start[number] - wider / 2 + moved)


def placements(width: npt.NDArray[np.float64], start: npt.NDArray[np.float64]) -> Placements:
    """Placements of these widths and starts, both float64 (p,)."""
    edges = np.arange(SIDE + 1) / SIDE  # of the stored photo's cells
    own = np.clip((edges - start[:, np.newaxis]) / width[:, np.newaxis] * DETAIL, 0, DETAIL)  # (p, 17)
    low, high, cell = own[:, :-1, np.newaxis], own[:, 1:, np.newaxis], np.arange(DETAIL)
    sampling = np.clip(np.minimum(high, cell + 1) - np.maximum(low, cell), 0, None)  # (p, 16, 32)
    length = sampling.sum(axis=2)
    covered = length >= _LEAST_COVERED * DETAIL / SIDE / width[:, np.newaxis]
    sampling *= (covered / np.maximum(length, 1e-9))[:, :, np.newaxis]
    return Placements(width, start, sampling.astype(np.float32), covered.astype(np.float32))


def grid() -> Placements:
    """The placements that a comparison tries first."""
    pairs = []
    for steps in range(round(MOST_CUT / _STEP) + 1):
        for width in {1 - steps * _STEP, 1 / (1 - steps * _STEP)}:
            pairs += [(width, start) for start in np.linspace(0, 1 - width, steps + 1)]
    width, start = np.array(pairs).T
    return placements(width, start)
