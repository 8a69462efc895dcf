"""Where one photo may lie on another one, along one axis: cut off by up to 15 % of a side, or with as much added.

Both axes are independent, so the placements of a photo are all pairs of a placement across and one down.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import DETAIL

# Up to this share of a side is cut off, in steps of half of it. The places between them are found later.
MOST_CUT = 0.15
_STEP = MOST_CUT / 2
# A cell that the other photo covers by a smaller share is not compared.
_LEAST_COVERED = 0.5
# Along an axis a placement is moved, made wider, or both.
_WIDER, _MOVED = np.repeat([-1.0, 0.0, 1.0], 3), np.tile([-1.0, 0.0, 1.0], 3)


@dataclass(frozen=True)
class Placements:
    """Placements of a photo along one axis of a stored photo, whose side is 1; `...` is their shape.

    Attributes:
        width, start: float64 (...), the side of the photo and where it begins. A width below 1 is a part of the stored
            photo; above 1, the stored photo is a part of it.
        sampling: float32 (..., cells, 60); times the photo's cells along the axis, it gives cells of the stored photo.
        covered: float32 (..., cells), 1 for each cell of the stored photo that the photo covers, else 0.
    """

    width: npt.NDArray[np.float64]
    start: npt.NDArray[np.float64]
    sampling: npt.NDArray[np.float32]
    covered: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """The length of the first axis."""
        return len(self.width)

    def near(self, step: float) -> "Placements":
        """The nine placements around each, (n, 9) of (n,): wider, narrower and moved by up to a step."""
        width = self.width[:, np.newaxis] + step * _WIDER
        return placements(width, self.start[:, np.newaxis] + step * (_MOVED - _WIDER / 2), self.sampling.shape[-2])

    def chosen(self, numbers: npt.NDArray[np.int64]) -> "Placements":
        """One of each row, (n,) of (n, k)."""
        rows = np.arange(len(numbers)), numbers
        return Placements(self.width[rows], self.start[rows], self.sampling[rows], self.covered[rows])


def placements(width: npt.NDArray[np.float64], start: npt.NDArray[np.float64], cells: int) -> Placements:
    """Placements of these widths and starts, on a stored photo of so many cells."""
    edges = np.arange(cells + 1) / cells  # of the stored photo's cells
    scale = (DETAIL / width)[..., np.newaxis]
    own = np.clip((edges - start[..., np.newaxis]) * scale, 0, DETAIL).astype(np.float32)  # (..., cells + 1)
    # How much of each of the photo's cells lies before each edge; the differences are what lies between two edges.
    before = np.clip(own[..., np.newaxis] - np.arange(DETAIL, dtype=np.float32), 0, 1)
    sampling: npt.NDArray[np.float32] = np.asarray(before[..., 1:, :] - before[..., :-1, :], np.float32)
    length = own[..., 1:] - own[..., :-1]
    covered = (length >= _LEAST_COVERED / cells * scale).astype(np.float32)
    sampling *= (covered / np.maximum(length, 1e-6))[..., np.newaxis]
    return Placements(width, start, sampling, covered)


def grid(cells: int) -> Placements:
    """The placements that a comparison tries first, on a stored photo of so many cells."""
    pairs = []
    for steps in range(round(MOST_CUT / _STEP) + 1):
        for width in {1 - steps * _STEP, 1 / (1 - steps * _STEP)}:
            pairs += [(width, start) for start in np.linspace(0, 1 - width, steps + 1)]
    width, start = np.array(pairs).T
    return placements(width, start, cells)
