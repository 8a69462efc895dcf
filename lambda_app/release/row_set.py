"""A set of catalog rows, with one bit per row: the rows that pass a filter, to which a search is restricted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class RowSet:
    """A set of rows of a catalog with n rows. Immutable, so it can be cached and shared between requests.

    Attributes:
        bits: uint8 (ceil(n / 8),); row i is bit i % 8 of byte i // 8, the lowest bit first.
        size: number of rows in the set; also its len().
    """

    bits: npt.NDArray[np.uint8]
    size: int

    @classmethod
    def of_mask(cls, mask: npt.NDArray[np.bool_]) -> "RowSet":
        """The rows for which `mask`, bool (n,), is true."""
        return cls(np.packbits(mask, bitorder="little"), int(np.count_nonzero(mask)))

    def __len__(self) -> int:
        return self.size

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """The rows, ascending: int64 (size,). Cached, with 8 bytes per row, so use it for small sets only."""
        # Find the non-zero bytes first: in a small set, nearly all bytes are zero.
        used = np.flatnonzero(self.bits)
        bits = np.unpackbits(self.bits[used, np.newaxis], axis=1, bitorder="little")
        byte, bit = np.nonzero(bits)
        return (used[byte] * 8 + bit).astype(np.int64)

    def mask(self, count: int) -> npt.NDArray[np.bool_]:
        """Whether each of the catalog's `count` rows is in the set: bool (count,)."""
        return np.unpackbits(self.bits, count=count, bitorder="little").view(np.bool_)

    def holds(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of these rows are in the set: bool, same shape. A negative row stands for none."""
        found: npt.NDArray[np.bool_] = ((self.bits[rows >> 3] >> (rows & 7).astype(np.uint8)) & 1).view(np.bool_)
        return found & (rows >= 0)

    def __and__(self, other: "RowSet") -> "RowSet":
        """The rows that are in both sets, which are of the same catalog."""
        bits = self.bits & other.bits
        return RowSet(bits, int(np.bitwise_count(bits).sum(dtype=np.int64)))


class SegmentedRowSet(RowSet):
    """A set of rows of a catalogue of segments, kept as one set for each segment.

    Attributes:
        parts: the rows of each segment, numbered from 0 in each.
    """

    parts: tuple[RowSet, ...]

    def __init__(self, parts: Sequence[RowSet], counts: Sequence[int]) -> None:
        """Combine the sets of segments with so many rows each."""
        # As the constructor of a frozen dataclass does it. `bits` is left out: few callers need it.
        object.__setattr__(self, "parts", tuple(parts))
        object.__setattr__(self, "size", sum(map(len, parts)))
        object.__setattr__(self, "_counts", tuple(counts))

    @cached_property
    def bits(self) -> npt.NDArray[np.uint8]:
        """The bits of all segments, whose rows are numbered through."""
        masks = [part.mask(count) for part, count in zip(self.parts, self._counts, strict=True)]  # type: ignore[attr-defined]
        bits: npt.NDArray[np.uint8] = np.packbits(np.concatenate(masks), bitorder="little")
        return bits
