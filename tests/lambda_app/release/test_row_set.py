import numpy as np
import pytest

from lambda_app.release.row_set import RowSet


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
@pytest.mark.parametrize("every", [1, 3, 500])
def test_a_set_gives_its_rows_back(count: int, every: int):
    mask = np.arange(count) % every == 0
    rows = RowSet.of_mask(mask)
    assert rows.rows.tolist() == np.flatnonzero(mask).tolist()
    np.testing.assert_array_equal(rows.mask(count), mask)
    assert rows.rows.dtype == np.int64
    assert len(rows) == mask.sum()
    assert len(rows.bits) == -(-count // 8)


def test_an_empty_set():
    rows = RowSet.of_mask(np.zeros(20, np.bool_))
    assert len(rows) == 0
    assert rows.rows.tolist() == []
