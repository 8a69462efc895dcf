"""Which rows of a release of segments are in the catalogue: dead rows, and what is left of each segment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.release.entries import DeadRowsEntry
from lambda_app.release.row_set import RowSet, SegmentedRowSet


def read_dead_rows(path: Path, entry: DeadRowsEntry, rows: int) -> RowSet:
    """Read the rows that are in a segment but not in the catalogue.

    Args:
        path: the file: `RowSet.bits` over the rows of all segments.
        entry: its manifest entry.
        rows: the number of rows of all segments.

    Raises:
        ReleaseError: the file has another length, marks another number of rows than the entry says, or marks a row
            after the last one.
    """
    needed = -(-rows // 8)
    if (size := path.stat().st_size) != needed:
        raise ReleaseError(f"{path.name} has {size:,} bytes; {rows:,} rows need {needed:,}")
    bits = np.frombuffer(path.read_bytes(), np.uint8)
    if rows % 8 and bits[-1] >> rows % 8:
        raise ReleaseError(f"{path.name} marks a row after the last one, which is {rows - 1}")
    if (marked := int(np.bitwise_count(bits).sum(dtype=np.int64))) != entry.count:
        raise ReleaseError(f"{path.name} marks {marked:,} rows as dead; the manifest says {entry.count:,}")
    return RowSet(bits, marked)


@dataclass(frozen=True, eq=False)
class LiveRows:
    """The rows of the segments of a catalogue that are live: those that an answer may hold. Immutable.

    Row numbers count through all segments, dead rows included.

    Attributes:
        counts: the number of rows of each segment, dead ones included.
        parts: the live rows of each segment, numbered from 0 in each; None: all.
    """

    counts: tuple[int, ...]
    parts: tuple[RowSet | None, ...]

    @classmethod
    def without(
        cls, counts: Sequence[int], hidden: npt.NDArray[np.bool_] | None, previous: "LiveRows | None" = None
    ) -> "LiveRows":
        """All rows but the hidden ones.

        Args:
            counts: the number of rows of each segment.
            hidden: bool (rows of all segments,); None: no row is hidden.
            previous: its sets are taken over where they are the same, because indexes cache what they know of a set.
        """
        parts: list[RowSet | None] = []
        start = 0
        for number, count in enumerate(counts):
            part = None if hidden is None else _shown(hidden[start : start + count])
            known = previous.parts[number] if previous is not None and number < len(previous.parts) else None
            same = part is not None and known is not None and np.array_equal(known.bits, part.bits)
            parts.append(known if same else part)
            start += count
        return cls(tuple(counts), tuple(parts))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The number of each segment's first row."""
        return (0, *accumulate(self.counts[:-1]))

    @cached_property
    def rows(self) -> int:
        """The number of rows of all segments, dead ones included."""
        return sum(self.counts)

    @cached_property
    def count(self) -> int:
        """The number of live rows."""
        return sum(count if part is None else len(part) for count, part in zip(self.counts, self.parts, strict=True))

    def segment_of(self, row: int) -> tuple[int, int]:
        """The segment of a row, and the row's number in it.

        Raises:
            IndexError: there is no such row.
        """
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row} of {self.rows}")
        segment = next(number for number in reversed(range(len(self.starts))) if self.starts[number] <= row)
        return segment, row - self.starts[segment]

    def by_segment(self, rows: Sequence[int]) -> Iterator[tuple[int, list[int], list[int]]]:
        """Rows by their segment: the segment, the rows' numbers in it, and their places in `rows`."""
        groups: dict[int, tuple[list[int], list[int]]] = {}
        for place, row in enumerate(rows):
            segment, local = self.segment_of(int(row))
            numbers, places = groups.setdefault(segment, ([], []))
            numbers.append(local)
            places.append(place)
        for segment, (numbers, places) in groups.items():
            yield segment, numbers, places

    def is_live(self, segment: int, local: int) -> bool:
        """Whether a row of a segment, numbered from 0 in it, is live."""
        part = self.parts[segment]
        return part is None or bool(part.bits[local >> 3] >> (local & 7) & 1)

    def split(self, rows: RowSet) -> SegmentedRowSet:
        """The live ones of these rows, by segment."""
        mask, parts = rows.mask(self.rows), []
        for start, count, live in zip(self.starts, self.counts, self.parts, strict=True):
            part = RowSet.of_mask(mask[start : start + count])
            parts.append(part if live is None else part & live)
        return SegmentedRowSet(parts, self.counts)


def _shown(hidden: npt.NDArray[np.bool_]) -> RowSet | None:
    return RowSet.of_mask(~hidden) if hidden.any() else None
