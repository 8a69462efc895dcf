"""Places between those of the grid: photos are moved and stretched a little, in smaller and smaller steps."""

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import SIDE, Cells
from lambda_app.likeness.placements import Placements, placements
from lambda_app.likeness.steps import LARGE, Covered, Steps, between

# As shares of a side. The places of the grid are up to the first of them away; the last is a fourteenth of a cell.
_FIRST_STEPS, _STEPS = (0.0375, 0.01875), (0.0188, 0.0094, 0.0047)
_NONE = np.float32(1e-6)


def refined(
    cells: Cells, down: Placements, across: Placements, few: Steps, stored: Steps, large: float
) -> npt.NDArray[np.float32]:
    """The best correlation of each photo with its stored one near a place: float32 (n,).

    Args:
        cells: of the photos, in standard deviations, float32 (n, 60, 60).
        down, across: where they lie, (n,) each, on a stored photo of few cells.
        few, stored: of the stored photos, with few cells and with all, (n,).
        large: see `Steps.of`, for the few cells.
    """
    down, across = _begin(cells, *_roughly(cells, down, across, few, large), stored)
    flat, squares = _prepared(stored)
    best = np.full(len(cells), -1.0, np.float32)
    for step in _STEPS:
        # One axis after the other: 18 places instead of 81.
        tried = down.near(step)
        half = cells @ across.sampling.swapaxes(1, 2)  # (n, 60, 15)
        laid = tried.sampling @ half[:, np.newaxis]
        found = _correlations(laid, tried.covered, across.covered[:, np.newaxis], flat, squares)
        down = tried.chosen(found.argmax(axis=1))
        tried = across.near(step)
        half = down.sampling @ cells  # (n, 15, 60)
        laid = half[:, np.newaxis] @ tried.sampling.swapaxes(2, 3)
        found = _correlations(laid, down.covered[:, np.newaxis], tried.covered, flat, squares)
        across = tried.chosen(found.argmax(axis=1))
        best = np.maximum(best, found.max(axis=1))
    return best


def _roughly(
    cells: Cells, down: Placements, across: Placements, few: Steps, large: float
) -> tuple[Placements, Placements]:
    """The best place of each photo near a place of the grid, by few cells."""
    flat, squares = _prepared(few)
    for step in _FIRST_STEPS:
        rows, columns = down.near(step), across.near(step)  # (n, 9)
        half = rows.sampling @ cells[:, np.newaxis]  # (n, 9, 8, 60)
        laid = half[:, :, np.newaxis] @ columns.sampling.swapaxes(2, 3)[:, np.newaxis]  # (n, 9, 9, 8, 8)
        covered = np.repeat(rows.covered, 9, axis=1), np.tile(columns.covered, (1, 9, 1))
        laid = laid.reshape(len(cells), 81, *laid.shape[-2:])
        best = _correlations(laid, *covered, flat, squares, large).argmax(axis=1)
        down, across = rows.chosen(best // 9), columns.chosen(best % 9)
    return down, across


def _begin(cells: Cells, down: Placements, across: Placements, stored: Steps) -> tuple[Placements, Placements]:
    """The place from which all cells are compared: the one found, or where both photos have the same outline."""
    rows, columns = (
        placements(
            np.stack([axis.width, np.ones(len(cells))], axis=1),
            np.stack([axis.start, np.zeros(len(cells))], axis=1),
            SIDE,
        )
        for axis in (down, across)
    )
    laid = rows.sampling @ cells[:, np.newaxis] @ columns.sampling.swapaxes(2, 3)  # (n, 2, 15, 15)
    best = _correlations(laid, rows.covered, columns.covered, *_prepared(stored)).argmax(axis=1)
    return rows.chosen(best), columns.chosen(best)


def _prepared(stored: Steps) -> tuple[Cells, Cells]:
    """The steps of each photo in a column, and their squares: float32 (n, steps, 1)."""
    flat = stored.flat()[..., np.newaxis]
    return flat, flat**2


def _correlations(
    laid: npt.NDArray[np.floating], down: Covered, across: Covered, stored: Cells, squares: Cells, large: float = LARGE
) -> npt.NDArray[np.float32]:
    """The correlations of photos, laid over a stored one at k places, with its steps: float32 (n, k).

    Args:
        laid: cells, float32 (n, k, c, c).
        down, across: which are covered, float32 (n, k, c) or (n, 1, c).
        stored, squares: of the stored photos, as from `_prepared`.
    """
    steps = Steps.of(np.asarray(laid, np.float32), large).covered(down, across).flat()
    both = between(across)[..., np.newaxis, :], between(down)[..., np.newaxis]
    masks = down[..., np.newaxis] * both[0], both[1] * across[..., np.newaxis, :]
    seen = Steps(*masks).flat()
    lengths = np.einsum("nks,nks->nk", steps, steps) * (seen @ squares)[..., 0]
    return np.asarray((steps @ stored)[..., 0] / np.maximum(np.sqrt(lengths), _NONE), np.float32)
