from pathlib import Path

import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.entries import DeadRowsEntry
from lambda_app.release.row_set import RowSet, SegmentedRowSet
from lambda_app.release.segments.live_rows import LiveRows, read_dead_rows


def entry(count: int) -> DeadRowsEntry:
    return DeadRowsEntry(file="dead.bits", sha256="0" * 64, bytes=1, count=count)


def masked(*rows: int, count: int) -> np.ndarray:
    mask = np.zeros(count, np.bool_)
    mask[list(rows)] = True
    return mask


def test_dead_rows_are_read_as_they_were_written(tmp_path: Path):
    rows = RowSet.of_mask(masked(0, 7, 8, 10, count=11))
    (tmp_path / "dead.bits").write_bytes(rows.bits.tobytes())
    assert read_dead_rows(tmp_path / "dead.bits", entry(4), 11).rows.tolist() == [0, 7, 8, 10]


@pytest.mark.parametrize(
    ("data", "count", "says"),
    [
        (b"", 1, "0 bytes; 11 rows need 2"),
        (b"\1", 1, "1 bytes; 11 rows need 2"),
        (b"\1\0\0", 1, "3 bytes; 11 rows need 2"),
        (b"\1\1", 1, "marks 2 rows as dead; the manifest says 1"),
        (b"\0\0", 1, "marks 0 rows as dead; the manifest says 1"),
        (b"\0\x08", 1, "marks a row after the last one, which is 10"),
    ],
)
def test_damaged_dead_rows_are_refused(tmp_path: Path, data: bytes, count: int, says: str):
    (tmp_path / "dead.bits").write_bytes(data)
    with pytest.raises(ReleaseError, match=says):
        read_dead_rows(tmp_path / "dead.bits", entry(count), 11)


def test_rows_are_numbered_through_all_segments():
    live = LiveRows.without([10, 3, 9], masked(2, 11, 21, count=22))
    assert (live.rows, live.count, live.starts) == (22, 19, (0, 10, 13))
    assert [live.segment_of(row) for row in (0, 9, 10, 12, 13, 21)] == [(0, 0), (0, 9), (1, 0), (1, 2), (2, 0), (2, 8)]
    assert [row for row in range(22) if not live.is_live(*live.segment_of(row))] == [2, 11, 21]
    for row in (-1, 22):
        with pytest.raises(IndexError):
            live.segment_of(row)
    assert list(live.by_segment([13, 1, 0, 21])) == [(2, [0, 8], [0, 3]), (0, [1, 0], [1, 2])]


def test_a_set_of_rows_is_split_into_the_live_rows_of_each_segment():
    live = LiveRows.without([10, 3, 9], masked(2, 11, 21, count=22))
    found = live.split(RowSet.of_mask(masked(1, 2, 3, 10, 11, 21, count=22)))
    assert [part.rows.tolist() for part in found.parts] == [[1, 3], [0], []]
    assert (len(found), found.rows.tolist()) == (3, [1, 3, 10])
    assert found.mask(22).nonzero()[0].tolist() == [1, 3, 10]


def test_the_sets_of_an_earlier_release_are_taken_over_where_they_are_the_same():
    before = LiveRows.without([10, 3], masked(2, 11, count=13))
    after = LiveRows.without([10, 3, 9], masked(2, 10, 11, count=22), before)
    assert after.parts[0] is before.parts[0]
    assert after.parts[1] is not before.parts[1]
    assert after.parts[2] is None


def test_a_segmented_set_is_a_set_of_rows():
    parts = [RowSet.of_mask(masked(1, count=3)), RowSet.of_mask(masked(0, 8, count=9))]
    rows = SegmentedRowSet(parts, [3, 9])
    assert (len(rows), rows.rows.tolist()) == (3, [1, 3, 11])
    assert (rows & RowSet.of_mask(masked(3, 4, count=12))).rows.tolist() == [3]
