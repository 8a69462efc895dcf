"""Tests of `benchmarks.figures.table`."""

import json

import pytest

from benchmarks.figures.table import Goal, Report, Row, exact, lines, number, spread


def test_a_spread_has_the_median_the_lowest_and_the_highest_value():
    found = spread([3.0, 1.0, 2.0, 10.0])
    assert (found.median, found.low, found.high, found.n) == (2.5, 1.0, 10.0, 4)


def test_a_spread_of_no_measurements_is_refused():
    with pytest.raises(ValueError, match="no measurement"):
        spread([])


@pytest.mark.parametrize(
    ("goal", "ours", "baseline", "met"),
    [
        (Goal("at most", 0.15, of="ratio"), 0.5, 4.0, True),
        (Goal("at most", 0.15, of="ratio"), 0.6, 4.0, True),
        (Goal("at most", 0.15, of="ratio"), 0.61, 4.0, False),
        (Goal("at least", 4.5, of="ratio"), 9.0, 2.0, True),
        (Goal("at least", 4.5, of="ratio"), 8.9, 2.0, False),
        (Goal("at most", 280), 280.0, 900.0, True),
        (Goal("at most", 280), 281.0, None, False),
        (Goal("at least", 0.99), 0.98, None, False),
    ],
)
def test_a_goal_compares_the_ratio_or_our_own_figure_with_its_limit(goal, ours, baseline, met):
    row = Row("measure", exact(ours), None if baseline is None else exact(baseline), goal)
    assert row.met is met


@pytest.mark.parametrize("baseline", [None, exact(0.0)])
def test_a_goal_for_a_ratio_is_undecided_without_a_ratio(baseline):
    row = Row("measure", exact(1.0), baseline, Goal("at most", 2, of="ratio"))
    assert (row.ratio, row.met) == (None, None)


def test_a_row_without_a_goal_is_neither_met_nor_missed():
    row = Row("measure", exact(1.0), exact(2.0))
    assert (row.ratio, row.met) == (0.5, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (3, "3"),
        (0.98765, "0.988"),
        (1.23456, "1.23"),
        (12.3456, "12.3"),
        (123.456, "123"),
        (1234567.8, "1,234,568"),
        (-0.25, "-0.250"),
    ],
)
def test_numbers_are_rounded_to_three_significant_digits(value, text):
    assert number(value) == text


def test_a_report_is_printed_with_one_line_per_row_and_its_notes(tmp_path):
    rows = [
        Row("time, s", spread([1.0, 2.0, 3.0]), exact(8.0), Goal("at most", 0.15, of="ratio")),
        Row("  a part, s", exact(0.5)),
        Row("memory, MB", exact(200), goal=Goal("at most", 280)),
    ]
    report = Report(rows, ["seen on a quiet machine"], [tmp_path / "plot.png"])
    printed = lines("cold", report)
    heading, rule, first, part, memory, note, plot = printed
    assert heading.split() == ["cold:", "measure", "baseline", "ours", "ratio", "goal"]
    assert set(rule) == {"-"}
    assert first.split() == ["time,", "s", "8", "2", "(1..3)", "0.250", "<=", "0.150", "x", "MISSED"]
    assert part.split() == ["a", "part,", "s", "0.500"]
    assert memory.endswith("<= 280  met")
    assert note.strip() == "seen on a quiet machine"
    assert plot.endswith("plot.png")


def test_a_report_can_be_written_as_json(tmp_path):
    row = Row("  time, s", spread([1.0, 2.0, 3.0]), exact(8.0), Goal("at most", 0.15, of="ratio"))
    written = json.loads(json.dumps(Report([row], ["note"], [tmp_path / "plot.png"]).as_json()))
    assert written == {
        "rows": [
            {
                "measure": "time, s",
                "part": True,
                "baseline": {"median": 8.0, "low": 8.0, "high": 8.0, "n": 1},
                "ours": {"median": 2.0, "low": 1.0, "high": 3.0, "n": 3},
                "ratio": 0.25,
                "goal": "<= 0.150 x",
                "met": False,
            }
        ],
        "notes": ["note"],
        "plots": ["plot.png"],
    }
