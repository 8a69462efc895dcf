"""How different two photos are, by their brightness: 0 for the same picture, about 1 for pictures of different things.

A photo is laid over a stored one at many places, as it is and mirrored. At each place the steps of brightness between
neighbouring cells are correlated, where both photos are. Steps do not change with the brightness of a photo. Large ones
are limited: else the outline of a product would outweigh everything else, and two photos of it would be the same.

First all places of a grid are tried with few cells. Those stored photos that correlate best there are then compared
with all cells, at places between those of the grid.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.likeness.fingerprint import DETAIL, LEVELS, SIDE, Cells, cells_of, views
from lambda_app.likeness.placements import Placements, grid, placements
from lambda_app.likeness.refining import refined
from lambda_app.likeness.steps import Steps, between, scaled, scaled_stored

Distances = npt.NDArray[np.float32]
_COARSE = 8  # cells of a side in the first comparison
_LARGE = 1.0  # with larger cells, whose steps are larger
# So many stored photos are compared in detail at a time, and more as long as one of them was this near.
_AT_ONCE, _NEAR = 3, 0.45
# The least distance of those that were not compared in detail.
_NOT_COMPARED = 0.75
_BESIDE = DETAIL // SIDE


def distances(asked: Sequence[Cells], fingerprints: npt.NDArray[np.uint8]) -> Distances:
    """How different a photo is from each of the stored ones.

    Args:
        asked: the photo's `views`, float32 (60, 60) each; at least one.
        fingerprints: uint8 (m, 197).

    Returns:
        float32 (m,), 1 - the best correlation, from 0 to 2. A plain photo is at 1 from every other one. It is exact for
        stored photos that are nearer than 0.45, and at least 0.75 for those that are clearly others.
    """
    count = len(fingerprints)
    if not count:
        return np.empty(0, np.float32)
    cells = scaled_stored(cells_of(fingerprints))
    seen = np.stack([scaled(view) for view in asked])
    few = np.asarray(_fewer() @ cells @ _fewer().T, np.float32)  # (m, 8, 8)
    coarse = Steps.of(few, _LARGE).with_mirrored()
    found = _correlations(seen, coarse)  # (views, places, 2 m)
    found = found.reshape(-1, count)  # (views x places x 2, m)
    top = found.argmax(axis=0)
    best = found[top, np.arange(count)]
    result = np.maximum(1 - best, np.where(best > 0, np.float32(_NOT_COMPARED), 1))
    view, place, mirrored = np.unravel_index(top, (len(seen), len(_grid(_COARSE)) ** 2, 2))
    down, across = np.divmod(place, len(_grid(_COARSE)))
    order = np.argsort(-best, kind="stable")
    for start in range(0, count, _AT_ONCE):
        rows = order[start : start + _AT_ONCE]
        turned = mirrored[rows]
        result[rows] = 1 - refined(
            seen[view[rows]],
            _at(down[rows]),
            _at(across[rows]),
            coarse.rows(rows + turned * count),
            Steps.of(_turned(cells[rows], turned)),
            _LARGE,
        )
        if np.count_nonzero(result[rows] <= _NEAR) * 2 < len(rows):
            break
    return np.asarray(result, np.float32)


def stored_views(prints: npt.NDArray[np.uint8]) -> tuple[Cells, ...]:
    """What can be compared of a stored photo, uint8 (197,), without the photo itself: its `views`, with less detail.

    The distances are larger than those of the photo, mostly by 0.1 to 0.2.
    """
    levels = cells_of(prints[np.newaxis])[0] * (255 / LEVELS)
    small = Image.fromarray(levels).resize((DETAIL, DETAIL), Image.Resampling.BICUBIC)
    return views(Image.fromarray(np.asarray(small).clip(0, 255).astype(np.uint8)).convert("RGB"))


@cache
def _grid(cells: int) -> Placements:
    return grid(cells)


def _at(numbers: npt.NDArray[np.int64]) -> Placements:
    """These placements of the grid."""
    places = _grid(_COARSE)
    return Placements(places.width[numbers], places.start[numbers], places.sampling[numbers], places.covered[numbers])


def _turned(cells: Cells, mirrored: npt.NDArray[np.int64]) -> Cells:
    """The cells of photos, those mirrored whose number is not 0."""
    return np.where(mirrored[:, np.newaxis, np.newaxis] != 0, cells[:, :, ::-1], cells)


@cache
def _fewer() -> Cells:
    """Times the cells of a stored photo along an axis, it gives the few cells: float32 (8, 15)."""
    whole = placements(np.ones(1), np.zeros(1), _COARSE).sampling[0]  # (8, 60)
    return np.asarray(whole.reshape(_COARSE, SIDE, _BESIDE).sum(axis=2), np.float32)


def _correlations(photos: Cells, stored: Steps) -> npt.NDArray[np.float32]:
    """The correlation of v photos at each pair of placements with each stored one: float32 (v, pairs, m)."""
    places = _grid(_COARSE)
    count, covered, both = len(places), places.covered, between(places.covered)
    sampling = places.sampling.reshape(-1, DETAIL)
    # What of the stored photos is compared at each pair of placements does not depend on the photo.
    squares = covered @ stored.across**2 @ both.T + both @ stored.down**2 @ covered.T  # (m, down, across)
    lengths = squares.reshape(len(squares), -1).T  # (pairs, m)
    columns = stored.flat().T
    found = []
    for cells in photos:
        laid = np.asarray(sampling @ cells @ sampling.T, np.float32).reshape(count, _COARSE, count, _COARSE)
        steps = Steps.of(laid.swapaxes(1, 2), _LARGE).covered(covered[:, np.newaxis], covered[np.newaxis]).flat()
        steps = steps.reshape(count**2, -1)
        own = np.einsum("ps,ps->p", steps, steps)[:, np.newaxis]
        found.append(steps @ columns / np.maximum(np.sqrt(own * lengths), 1e-6))
    return np.asarray(found, np.float32)
