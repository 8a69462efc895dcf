import numpy as np
import pytest

from lambda_app.release.filter_columns import ColumnsBuilder, FilterColumns

ROWS = [("Sofas", 10.0), ("Phones", None), ("Sofas", 19.99), ("Phones", 20.0)]


@pytest.fixture
def columns() -> FilterColumns:
    return ColumnsBuilder.columns_of(ROWS)


@pytest.mark.parametrize(
    ("category", "low", "high", "rows"),
    [
        (None, None, None, [0, 1, 2, 3]),
        ("Phones", None, None, [1, 3]),
        ("Boats", None, None, []),
        (None, 19.99, None, [2, 3]),
        (None, None, 19.99, [0, 2]),
        ("Sofas", 11, 20, [2]),
    ],
)
def test_rows_that_pass(columns: FilterColumns, category, low, high, rows: list[int]):
    assert columns.passing(category, low, high).rows.tolist() == rows


def test_columns_are_read_without_a_copy(columns: FilterColumns):
    assert columns.names == ("Sofas", "Phones")
    assert columns.categories.dtype == np.uint16
    assert not columns.prices.flags.owndata
    np.testing.assert_array_equal(columns.prices, [10.0, np.nan, 19.99, 20.0])


def test_columns_of_unlike_length_are_refused():
    names, categories, prices = ColumnsBuilder().as_bytes()
    with pytest.raises(ValueError, match="1 categories, 0 prices"):
        FilterColumns.from_bytes(names, categories + b"\0\0", prices)
