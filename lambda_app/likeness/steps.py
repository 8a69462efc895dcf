"""Steps of brightness between neighbouring cells: what two photos are compared by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import DETAIL, SIDE, Cells

# The step that counts half of the largest, in standard deviations of a photo's brightness. It is small, because the
# ground of two photos of one product differs in small steps, and those of the product itself are large and equal.
LARGE = 0.02
# Photos with a smaller deviation, in levels of 0 to 127, are nearly plain: the rounding of the levels would decide.
_PLAIN = 2.0
_BESIDE = DETAIL // SIDE

Covered = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Steps:
    """Steps of brightness, limited to -1 to 1, of photos of c x c cells; `...` is the shape of the photos.

    Attributes:
        across, down: float32 (..., c, c - 1) and (..., c - 1, c).
    """

    across: npt.NDArray[np.float32]
    down: npt.NDArray[np.float32]

    @classmethod
    def of(cls, cells: Cells, large: float = LARGE) -> "Steps":
        """Of photos whose cells are in standard deviations: float32 (..., c, c).

        Args:
            large: the step that counts half of the largest, in standard deviations.
        """
        return cls(_limited(np.diff(cells, axis=-1), large), _limited(np.diff(cells, axis=-2), large))

    def rows(self, numbers: npt.NDArray[np.int64]) -> "Steps":
        """Those of some photos, by their position on the first axis."""
        return Steps(self.across[numbers], self.down[numbers])

    def mirrored(self) -> "Steps":
        """Those of the same photos with left and right exchanged."""
        return Steps(-self.across[..., ::-1], self.down[..., ::-1])

    def with_mirrored(self) -> "Steps":
        """The photos, and after them the same photos mirrored."""
        other = self.mirrored()
        return Steps(np.concatenate([self.across, other.across]), np.concatenate([self.down, other.down]))

    def flat(self) -> npt.NDArray[np.float32]:
        """All steps of a photo in a row: float32 (..., 2 c (c - 1))."""
        shape = self.across.shape[:-2]
        return np.concatenate([self.across.reshape(*shape, -1), self.down.reshape(*shape, -1)], axis=-1)

    def covered(self, down: Covered, across: Covered) -> "Steps":
        """The steps between cells that are both covered, the others as 0.

        Args:
            down, across: 1 for covered cells, float32 (..., c), which broadcast to the shape of the photos.
        """
        both_across, both_down = between(across), between(down)
        return Steps(
            self.across * down[..., np.newaxis] * both_across[..., np.newaxis, :],
            self.down * both_down[..., np.newaxis] * across[..., np.newaxis, :],
        )


def between(covered: Covered) -> Covered:
    """Whether two neighbouring cells are both covered, (..., c - 1)."""
    return covered[..., 1:] * covered[..., :-1]


def scaled(cells: Cells) -> Cells:
    """A photo's cells, float32 (60, 60), in standard deviations of its brightness; zeros if the photo is plain."""
    deviation = float(cells.reshape(SIDE, _BESIDE, SIDE, _BESIDE).mean(axis=(1, 3)).std())
    return cells / np.float32(deviation) if deviation >= _PLAIN else np.zeros_like(cells)


def scaled_stored(cells: Cells) -> Cells:
    """The same of stored photos, float32 (m, 15, 15)."""
    deviation = cells.std(axis=(1, 2), keepdims=True)
    return np.asarray(cells / np.maximum(deviation, _PLAIN) * (deviation >= _PLAIN), np.float32)


def _limited(steps: Cells, large: float) -> Cells:
    lengths = steps * steps
    lengths += np.float32(large**2)
    return np.asarray(steps / np.sqrt(lengths, out=lengths), np.float32)
