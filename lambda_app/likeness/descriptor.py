"""A descriptor of a photo that stays the same if the photo is turned by 90 degrees, mirrored, or made grey.

The whole catalogue is searched by it for copies that the network does not recognise. It holds the amplitudes of the
20 slowest waves of brightness across and down: those of the DCT, without the mean. Mirroring a photo changes their
signs, and turning it also exchanges across and down. So no signs are kept, and of the two waves of a pair the larger
amplitude comes first. All of them together have the length 1, so brightness and contrast do not count either.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import DETAIL, SIDE, Cells, cells_of

DESCRIPTOR_BYTES = 20
VERSION = 1  # another number for another description
# Larger catalogs are not searched by descriptors: it would take more than 2 ms and 40 MB.
MOST_DESCRIPTORS = 500_000
# Waves down and across are counted together: those of up to so many half periods.
_MOST_WAVES = 5
_FULL = 255  # an amplitude of 1
_BLOCK = 8_192  # photos whose cells are in memory at a time
Descriptors = npt.NDArray[np.uint8]


def descriptors_of(fingerprints: npt.NDArray[np.uint8]) -> Descriptors:
    """The descriptors of stored photos.

    Args:
        fingerprints: uint8 (m, b), as `fingerprint` makes them.

    Returns:
        uint8 (m, 20). Zeros for a plain photo.
    """
    parts = [
        _descriptors(cells_of(fingerprints[start : start + _BLOCK])) for start in range(0, len(fingerprints), _BLOCK)
    ]
    return np.concatenate([np.empty((0, DESCRIPTOR_BYTES), np.uint8), *parts])


def descriptors_of_views(views: tuple[Cells, ...]) -> Descriptors:
    """The descriptors of the views of a photo that is looked for: uint8 (views, 20)."""
    pairs = DETAIL // SIDE
    return _descriptors(np.stack(views).reshape(len(views), SIDE, pairs, SIDE, pairs).mean(axis=(2, 4)))


@dataclass(frozen=True, eq=False)
class NearestPhotos:
    """Photos that were found.

    Attributes:
        rows: int64 (m,), their numbers.
        cosines: float32 (m,), of the descriptors.
    """

    rows: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]


class DescriptorTable:
    """Descriptors of stored photos, to be searched: 80 bytes of memory each. Immutable and thread-safe."""

    def __init__(self, stored: Descriptors) -> None:
        """Of photos with these descriptors, uint8 (n, 20)."""
        self._columns = np.ascontiguousarray(stored.T, np.float32)  # (20, n): then a search is one fast product

    def __len__(self) -> int:
        """The number of photos, n."""
        return int(self._columns.shape[1])

    def nearest_photos(
        self, asked: Descriptors, most: int, least: float = 0.0, allowed: npt.NDArray[np.bool_] | None = None
    ) -> NearestPhotos:
        """The photos that are nearest to one of the descriptors asked for.

        Args:
            asked: uint8 (views, 20).
            most: at most so many photos.
            least: the cosine of the descriptors is more than this.
            allowed: bool (n,), the photos that may be found; None: all.

        Returns:
            At most `most`, the nearest first, then the lowest number.
        """
        if not len(self) or not len(asked):
            return NearestPhotos(np.empty(0, np.int64), np.empty(0, np.float32))
        found = (asked.astype(np.float32) @ self._columns).max(axis=0)
        if allowed is not None:
            found[~allowed] = 0
        most = min(most, len(found))
        first = np.argpartition(-found, most - 1)[:most]
        first = first[np.lexsort((first, -found[first]))]
        first = first[found[first] > least * _FULL**2]
        return NearestPhotos(first.astype(np.int64), found[first] / np.float32(_FULL**2))


def _descriptors(cells: Cells) -> Descriptors:
    """Of photos with these cells, float32 (m, SIDE, SIDE)."""
    waves = _waves()
    amplitudes = np.abs(waves @ cells @ waves.T)  # (m, 6, 6)
    larger = np.maximum(amplitudes, amplitudes.swapaxes(1, 2))
    smaller = np.minimum(amplitudes, amplitudes.swapaxes(1, 2))
    down, across = _pairs()
    kept = np.where(down <= across, larger[:, down, across], smaller[:, down, across])
    length = np.linalg.norm(kept, axis=1, keepdims=True)
    kept = np.divide(kept, length, out=np.zeros_like(kept), where=length > 1e-3)
    return np.asarray(np.rint(kept * _FULL), np.uint8)


@cache
def _waves() -> npt.NDArray[np.float32]:
    """The first waves of the orthonormal DCT-II over SIDE cells: float32 (6, SIDE)."""
    wave, cell = np.arange(_MOST_WAVES + 1)[:, np.newaxis], np.arange(SIDE)
    waves = np.sqrt(2 / SIDE) * np.cos(np.pi * wave * (2 * cell + 1) / (2 * SIDE))
    waves[0] = np.sqrt(1 / SIDE)
    return np.asarray(waves, np.float32)


@cache
def _pairs() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Half periods down and across of the waves of a descriptor: int64 (20,) each."""
    down, across = np.mgrid[: _MOST_WAVES + 1, : _MOST_WAVES + 1].reshape(2, -1)
    kept = (down + across > 0) & (down + across <= _MOST_WAVES)
    return down[kept], across[kept]
