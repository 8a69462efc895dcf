import pytest

from benchmarks.vectors.loading import run


@pytest.mark.slow
def test_a_load_that_is_killed_ends_with_all_items():
    report = run(quick=True, items=1_500)
    found = {row.measure.strip(): row for row in report.rows}
    assert found["items"].ours.median == 1_500
    assert found["calls that were throttled"].ours.median == 0
    assert [row.measure for row in report.rows if row.goal and not row.goal.met(row.ours.median)] == []
