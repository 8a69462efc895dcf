"""The slices of the checks `faults` and `kills` with real processes."""

import pytest

from benchmarks.figures.table import Report
from reliability.soak.faults import check as faults
from reliability.soak.kills import check as kills

pytestmark = pytest.mark.slow


def figures(report: Report) -> dict[str, float]:
    """The figures of the rows that are not parts of another one; all goals are met."""
    assert [row for row in report.rows if row.met is False] == []
    return {row.measure: row.ours.median for row in report.rows if not row.measure.startswith(" ")}


def test_faults_of_the_store_stop_neither_a_service_that_answers_nor_one_that_starts():
    found = figures(faults.run(quick=True))
    assert found["a service that answers: cases"] == found["a service that starts: cases"] == len(faults.QUICK)


def test_killed_promotions_leave_the_store_whole_and_can_be_repeated():
    found = figures(kills.run(quick=True))
    assert found["kills"] == 8
    assert found["objects half written"] == 0
