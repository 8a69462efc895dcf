"""How different two photos are, by their brightness: 0 for the same picture, about 1 for pictures of different things.

A photo is laid over a stored one at many places, as it is and mirrored. At each place the steps of brightness between
neighbouring cells are correlated, where both photos are. Steps do not change with the brightness of a photo. Large ones
are limited: else the outline of a product would outweigh everything else, and two photos of it would be the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import DETAIL, SIDE, Cells, cells_of
from lambda_app.likeness.placements import Placements, grid

Distances = npt.NDArray[np.float32]
# The step that counts half of the largest, in standard deviations of a photo's brightness.
_LARGE = 0.16
# Photos with a smaller deviation, in levels of 0 to 63, are nearly plain: the rounding of the levels would decide.
_PLAIN = 1.0
# Places between those of the grid are tried for stored photos within this distance, for the nearest ones only.
_REFINED_WITHIN, _MOST_REFINED = 0.5, 16
_FIRST_STEP, _LAST_STEP = 0.0375, 0.009
_STORED_DIVISOR = DETAIL // SIDE


def distances(asked: Sequence[Cells], fingerprints: npt.NDArray[np.uint8]) -> Distances:
    """How different a photo is from each of the stored ones.

    Args:
        asked: the photo's `views`, float32 (32, 32) each; at least one.
        fingerprints: uint8 (m, 192).

    Returns:
        float32 (m,), 1 - the best correlation, from 0 to 2. A plain photo is at 1 from every other one.
    """
    count = len(fingerprints)
    if not count:
        return np.empty(0, np.float32)
    cells = cells_of(fingerprints)
    stored = _Stored.of(np.concatenate([cells, cells[:, :, ::-1]]))  # to mirror the stored photos is the same
    places = _grid()
    seen = [_scaled(view) for view in asked]
    found = np.stack([_correlations(view, places, places, stored) for view in seen])  # (views, places, 2 m)
    found = found.reshape(-1, 2, count).swapaxes(0, 1).reshape(-1, count)  # (2 x views x places, m)
    top = found.argmax(axis=0)
    best = found[top, np.arange(count)]
    for row in np.argsort(-best, kind="stable")[:_MOST_REFINED]:
        if best[row] >= 1 - _REFINED_WITHIN:
            mirrored, view, place = np.unravel_index(top[row], (2, len(seen), len(places) ** 2))
            refined = _refined(seen[view], int(place), stored.row(int(row + mirrored * count)))
            best[row] = max(best[row], refined)
    return np.asarray(1 - best, np.float32)


def stored_view(fingerprint: npt.NDArray[np.uint8]) -> Cells:
    """The cells of a stored photo, uint8 (192,), as those of a photo to compare with others: float32 (32, 32)."""
    cells = cells_of(fingerprint[np.newaxis])[0]
    return np.asarray(cells.repeat(_STORED_DIVISOR, axis=0).repeat(_STORED_DIVISOR, axis=1), np.float32)


@dataclass(frozen=True)
class _Stored:
    """Steps of brightness of stored photos.

    Attributes:
        steps: float32 (m, 480): across, then down.
        across, down: their squares, float32 (m, 16, 15) and (m, 15, 16).
    """

    steps: npt.NDArray[np.float32]
    across: npt.NDArray[np.float32]
    down: npt.NDArray[np.float32]

    @classmethod
    def of(cls, cells: Cells) -> "_Stored":
        """Of photos with these cells, float32 (m, 16, 16)."""
        deviation = cells.std(axis=(1, 2), keepdims=True)
        across, down = _steps((cells / np.maximum(deviation, _PLAIN)) * (deviation >= _PLAIN))
        steps = np.concatenate([across.reshape(len(cells), -1), down.reshape(len(cells), -1)], axis=1)
        return cls(steps, across**2, down**2)

    def row(self, number: int) -> "_Stored":
        one = slice(number, number + 1)
        return _Stored(self.steps[one], self.across[one], self.down[one])


@cache
def _grid() -> Placements:
    return grid()


def _scaled(cells: Cells) -> Cells:
    """The cells in standard deviations of the brightness; zeros if the photo is plain."""
    deviation = float(cells.reshape(SIDE, _STORED_DIVISOR, SIDE, _STORED_DIVISOR).mean(axis=(1, 3)).std())
    return cells / np.float32(deviation) if deviation >= _PLAIN else np.zeros_like(cells)


def _steps(cells: Cells) -> tuple[Cells, Cells]:
    """Differences of neighbouring cells, (..., 16, 15) and (..., 15, 16), limited to -1 to 1."""
    across, down = np.diff(cells, axis=-1), np.diff(cells, axis=-2)
    return _limited(across), _limited(down)


def _limited(steps: Cells) -> Cells:
    return np.asarray(steps / np.sqrt(steps**2 + _LARGE**2), np.float32)


def _correlations(cells: Cells, down: Placements, across: Placements, stored: _Stored) -> npt.NDArray[np.float32]:
    """The correlation at each pair of placements, down and across, with each stored photo: float32 (pairs, m)."""
    rows, columns = len(down), len(across)
    laid = (down.sampling.reshape(-1, DETAIL) @ cells) @ across.sampling.reshape(-1, DETAIL).T
    laid = laid.reshape(rows, SIDE, columns, SIDE).transpose(0, 2, 1, 3)  # (rows, columns, 16, 16)
    right, below = _steps(np.asarray(laid, np.float32))
    both_across, both_down = _both(across.covered), _both(down.covered)
    right *= down.covered[:, np.newaxis, :, np.newaxis] * both_across[np.newaxis, :, np.newaxis, :]
    below *= both_down[:, np.newaxis, :, np.newaxis] * across.covered[np.newaxis, :, np.newaxis, :]
    count = rows * columns
    steps = np.concatenate([right.reshape(count, -1), below.reshape(count, -1)], axis=1)
    lengths = np.sqrt(np.einsum("ij,ij->i", steps, steps))[:, np.newaxis]
    seen = _sums(down.covered, stored.across, both_across) + _sums(both_down, stored.down, across.covered)
    return np.asarray(steps @ stored.steps.T / np.maximum(lengths * np.sqrt(seen), 1e-6), np.float32)


def _both(covered: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Whether two neighbouring cells are both covered, (p, 15)."""
    return covered[:, 1:] * covered[:, :-1]


def _sums(
    down: npt.NDArray[np.float32], squares: npt.NDArray[np.float32], across: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Sums of a stored photo's squares over what is covered: float32 (pairs, m)."""
    sums = down @ squares @ across.T  # (m, rows, columns)
    return np.asarray(sums.reshape(len(squares), -1).T, np.float32)


def _refined(cells: Cells, place: int, stored: _Stored) -> float:
    """The best correlation with one stored photo near a pair of placements of the grid."""
    places = _grid()
    row, column = divmod(place, len(places))
    down, across, step, best = places, places, _FIRST_STEP, -math.inf
    while step >= _LAST_STEP:
        down, across = down.near(row, step), across.near(column, step)
        found = _correlations(cells, down, across, stored)[:, 0]
        row, column = divmod(int(found.argmax()), len(across))
        best, step = max(best, float(found.max())), step / 2
    return best
