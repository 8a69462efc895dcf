"""Tests of `benchmarks.bench.forward`."""

import json

from benchmarks.bench.forward import precision_rows, timed


def write_gate(work, gate):
    (work / "export").mkdir(parents=True)
    (work / "export" / "export.json").write_text(json.dumps({"precision": "int8", "int8": gate}))


def test_the_report_has_a_row_for_each_figure_of_the_gate(tmp_path):
    write_gate(
        tmp_path / "work",
        {"n": 900, "agreement": 0.995, "accuracy_drop": 0.004, "recall4_drop": -0.001, "passed": False},
    )
    rows, notes = precision_rows(tmp_path / "work")
    assert [row.met for row in rows] == [True, False, True]
    assert notes == ["int8 against float32: 900 validation photos of work"]


def test_a_gate_without_pairs_has_no_row_for_recall(tmp_path):
    write_gate(tmp_path, {"n": 9, "agreement": 1.0, "accuracy_drop": 0.0, "recall4_drop": None, "passed": True})
    rows, _ = precision_rows(tmp_path)
    assert len(rows) == 2


def test_a_missing_trained_model_is_reported_with_how_to_make_one(tmp_path):
    rows, (note,) = precision_rows(tmp_path)
    assert rows == []
    assert "scripts/demo --no-serve" in note


def test_a_call_is_timed_as_the_mean_of_several_passes():
    calls = []
    taken = timed(lambda: calls.append(sum(range(20_000))), passes=5)
    assert len(calls) == 5
    assert 0 < taken.processor < 1
    assert 0 < taken.wall < 1
