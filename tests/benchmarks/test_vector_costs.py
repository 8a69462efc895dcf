"""AWS's price page works two examples out (https://aws.amazon.com/s3/pricing/): the same dollars must come out here."""

import re

import pytest

from benchmarks import vector_costs
from benchmarks.figures.cells import duration, money
from benchmarks.inputs.bench_release import ROOT
from benchmarks.vector_costs import (
    GB,
    KB,
    TB,
    Stored,
    example_item,
    index_tables,
    processed_cost,
    put_cost,
    put_hours,
    query_cost,
    returned_cost,
    storage_cost,
)

# Of AWS's examples: 1,024 dimensions, 1 KB of metadata for filters, 0.17 KB of key; and 1 KB of other metadata.
AWS = Stored(scanned=5.17 * KB, kept=1 * KB)
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


def test_the_first_example_of_aws_comes_out():
    # 40 indexes of 250,000 vectors, all written once in six months, a million queries.
    assert storage_cost(10_000_000, AWS) == pytest.approx(3.54, abs=0.01)  # AWS rounds to 59 GB before
    assert put_cost(10_000_000, AWS) / 6 == pytest.approx(1.97, abs=0.01)
    assert 1e6 * processed_cost(100_000, AWS) == pytest.approx(1.93, abs=0.005)
    assert 1e6 * (processed_cost(250_000, AWS) - processed_cost(100_000, AWS)) == pytest.approx(1.44, abs=0.005)
    assert 1e6 * query_cost(250_000, AWS, results=10) == pytest.approx(5.87, abs=0.005)


def test_the_second_example_of_aws_comes_out():
    # 40 indexes of 10,000,000 vectors, ten million queries.
    assert storage_cost(400_000_000, AWS) == pytest.approx(141.22, abs=0.005)
    assert put_cost(400_000_000, AWS) / 6 == pytest.approx(78.46, abs=0.01)
    assert 1e7 * query_cost(10_000_000, AWS, results=10) == pytest.approx(997.62, abs=0.005)


def test_above_ten_million_vectors_a_query_processes_for_a_fifth_of_the_price():
    ten, fifty = processed_cost(10_000_000, AWS), processed_cost(50_000_000, AWS)
    assert fifty - ten == pytest.approx(40_000_000 * AWS.scanned / TB * 0.0004)
    assert (fifty - ten) / 40_000_000 < 0.21 * ten / 10_000_000


def test_small_writes_are_billed_as_128_kb_each():
    assert put_cost(1_000, AWS, batch=1) == pytest.approx(1_000 * 128 * KB / GB * 0.20)
    assert put_cost(1_000, AWS, batch=500) == pytest.approx(1_000 * AWS.total / GB * 0.20)


def test_what_a_query_returns_is_free_up_to_512_kb():
    small = Stored(scanned=50, kept=10)
    assert returned_cost(2_048, small) == 0  # each result counts as 256 bytes
    assert returned_cost(2_049, small) == pytest.approx(256 / GB * 0.01)
    assert returned_cost(1_000, AWS) == pytest.approx((1_000 * 6.17 - 512) * KB / GB * 0.01)


def test_a_load_takes_at_least_the_time_that_the_limit_of_the_service_gives():
    assert put_hours(9_000_000) == pytest.approx(1.0)


def test_the_example_item_has_the_bytes_of_what_the_loader_writes():
    item = example_item(dim=256)
    assert item.scanned > 4 * 256 + len("12345678-1")
    assert item.kept > 500 + 4 * 197 / 3  # the description, and the fingerprint as base64
    assert example_item(dim=512).scanned - item.scanned == 4 * 256
    words = " ".join(PAGE.split())
    assert f"{item.scanned - 4 * 256 - 10:.0f} bytes for filters" in words
    assert f"a description of 500 characters, {item.kept:.0f} bytes." in words
    assert f"the {item.scanned:,.0f} bytes of vector, key and filterable metadata; {item.total:,.0f} bytes are" in words


def test_the_cells_have_two_digits_and_a_fitting_unit():
    assert [money(one) for one in (0.114, 9.87, 37.4, 424.6, 113_658)] == ["$0.11", "$9.87", "$37", "$420", "$110,000"]
    assert [duration(one) for one in (0.11, 5.55, 47.9, 111.1)] == ["7 minutes", "5.5 hours", "47.9 hours", "4.6 days"]


def test_a_month_is_storage_changes_and_searches():
    lines = [line.split(" | ") for line in index_tables(1e-6)]
    (month,) = (cells for cells in lines if len(cells) == 4 and cells[0] == "| 1,000,000")
    stored = example_item()
    search = query_cost(1_000_000, stored, 10) + 1e-6
    expected = storage_cost(1_000_000, stored) + 0.1 * put_cost(1_000_000, stored) + 30.44 * 86_400 * search
    assert month[1] == money(expected)


def test_the_docs_name_each_price_of_the_code():
    prices = dict(re.findall(r"^\| ([^|]+?) \| \$([0-9.]+) [^|]*\| [^|]+\|$", PAGE, re.MULTILINE))
    assert {name: float(price) for name, price in prices.items()} == {
        "storage": vector_costs.STORED_GB_MONTH,
        "put": vector_costs.PUT_GB,
        "queries": vector_costs.MILLION_QUERIES,
        "data processed, the first 100,000 vectors": vector_costs.PROCESSED_TB[0][1],
        "data processed, up to 10,000,000": vector_costs.PROCESSED_TB[1][1],
        "data processed, above": vector_costs.PROCESSED_TB[2][1],
        "data returned": vector_costs.RETURNED_GB,
    }
