"""The vectors of the live rows of several indexes, read from their files when they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.search.vector_file import VectorFile
from lambda_app.search.vectors import unit


@dataclass(frozen=True, eq=False)
class Part:
    """An open index, and the rows of it that are live.

    Attributes:
        rows: int64 (m,), ascending.
    """

    file: VectorFile
    rows: npt.NDArray[np.int64]


class LiveVectors:
    """The live rows of several indexes as one array (n, d), which memory never holds as a whole."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Put the live rows of each index behind those of the one before."""
        self._parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part.rows) for part in parts)])

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""
        return int(self._starts[-1]), int(self._parts[0].file.stored.d)

    def __len__(self) -> int:
        """The number of live rows."""
        return int(self._starts[-1])

    def __getitem__(self, rows: slice | npt.NDArray[np.int64], /) -> npt.NDArray[np.float32]:
        """The stored vectors of rows: float32 (m, d), L2-normalised."""
        wanted = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows, np.int64)
        found = np.empty((len(wanted), self.shape[1]), np.float32)
        part_of = np.searchsorted(self._starts, wanted, side="right") - 1
        for number in np.unique(part_of).tolist():
            places = np.flatnonzero(part_of == number)
            part = self._parts[number]
            found[places] = part.file.stored.reconstruct_batch(part.rows[wanted[places] - self._starts[number]])
        return unit(found)


def in_blocks(rows: npt.NDArray[np.int64], size: int) -> Iterator[npt.NDArray[np.int64]]:
    """Rows in their order, in blocks of up to `size`."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
