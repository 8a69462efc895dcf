"""Tests of `benchmarks.scale`."""

import json
import math

import pytest

from benchmarks.inputs.bench_release import ROOT
from benchmarks.scale import (
    Measured,
    SearchFigures,
    lambda_cost,
    machine_cost,
    most_photos,
    need,
    searching_cost,
    storage,
    tables,
)
from benchmarks.vector_costs import index_tables

MEASURED = Measured(
    request_ms=100.0,
    cold_s=1.0,
    base_mb=250.0,
    search=(SearchFigures(10_000, 0.1, 5.0, 60.0), SearchFigures(1_000_000, 0.4, 300.0, 400.0)),
)


def test_the_figures_are_read_from_the_json_of_the_benchmarks():
    def row(measure, median, *, part=False):
        return {"measure": measure, "part": part, "ours": {"median": median}}

    search = [
        row("1,000: a query, ms", 0.2),
        row("file, MB", 1.0, part=True),
        row("peak memory of the process, MB", 50.0, part=True),
        row("50 % pass: a query, ms", 9.0, part=True),
    ]
    request = [
        row("12-megapixel JPEG, photos a second", 8.0),
        row("whole request, ms", 120.0, part=True),
        row("0.5-megapixel JPEG, photos a second", 16.0),
        row("whole request, ms", 60.0, part=True),
    ]
    cold = [row("process start to the first answer, s", 1.2), row("peak memory by then, MB", 260.0)]
    benchmarks = {"search": search, "request": request, "cold": cold}
    found = Measured.read({"benchmarks": {name: {"rows": rows} for name, rows in benchmarks.items()}})
    assert found == Measured(60.0, 1.2, 260.0, (SearchFigures(1_000, 0.2, 1.0, 50.0),))


def test_a_catalogue_within_a_measured_size_needs_one_function():
    small = need(MEASURED, 10_000)
    assert (small.index_mb, small.search_ms) == (5.0, 0.1)
    assert small.memory_mb == 1_769


def test_beyond_the_measured_sizes_bytes_grow_linearly_and_time_with_the_square_root():
    needed = need(MEASURED, 4_000_000)
    assert needed.index_mb == pytest.approx(1_200)
    assert needed.search_ms == pytest.approx(0.4 * math.sqrt(4))


def test_a_catalogue_that_does_not_fit_the_disk_of_a_function_is_refused():
    most = most_photos(MEASURED)
    assert most == int(0.6 * 10_240 / 300 * 1_000_000)
    assert need(MEASURED, most).memory_mb <= 10_240
    with pytest.raises(ValueError, match=f"{most + 1:,} photos do not fit a function, which takes {most:,}"):
        need(MEASURED, most + 1)


def test_a_request_that_waits_for_an_index_is_billed_for_the_wait():
    searching = searching_cost(MEASURED)
    assert searching == pytest.approx((99.9 + 100) / 1_000 * 1_769 / 1_024 * 0.0000166667 + 1.2e-6)


def test_lambda_costs_compute_seconds_requests_and_storage():
    needed = need(MEASURED, 10_000)
    functions, dollars = lambda_cost(MEASURED, needed, 1)
    requests = 30.44 * 86_400
    compute = requests * 0.1 * 1_769 / 1_024 * 0.0000166667
    assert functions == 1
    assert dollars == pytest.approx(compute + requests / 1e6 * 1.2 + storage(needed))


def test_machines_are_cheaper_only_with_many_requests_per_second():
    needed = need(MEASURED, 10_000)
    assert lambda_cost(MEASURED, needed, 1)[1] < machine_cost(MEASURED, needed, 1)[1]
    assert lambda_cost(MEASURED, needed, 1_000)[1] > machine_cost(MEASURED, needed, 1_000)[1]


def test_the_docs_contain_the_tables_of_the_saved_figures():
    figures = json.loads((ROOT / "docs" / "figures.json").read_bytes())
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    measured = Measured.read(figures)
    assert "\n".join(tables(measured)) in page
    for table in "\n".join(index_tables(searching_cost(measured))).split("\n\n"):
        assert table in page
    assert round(most_photos(measured) / 1e6) == 21
    assert "up to about 20 million photos" in page
