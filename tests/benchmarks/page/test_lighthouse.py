import shutil
from pathlib import Path

import pytest

from benchmarks.page import lighthouse


def result(performance: float, shift: float) -> dict[str, dict[str, dict[str, float]]]:
    audits = {"first-contentful-paint": 800.0, "largest-contentful-paint": 900.0, "cumulative-layout-shift": shift}
    return {
        "categories": {"performance": {"score": performance}, "accessibility": {"score": 1.0}},
        "audits": {name: {"numericValue": value} for name, value in audits.items()},
    }


def test_scores_are_the_median_of_the_visits_and_have_goals():
    rows = lighthouse.rows_of("start page", [result(0.9, 0.0), result(0.96, 0.2), result(0.97, 0.3)])
    assert [(row.measure.strip(), row.ours.median, row.met) for row in rows] == [
        ("start page: performance, of 100", 96.0, True),
        ("start page: accessibility, of 100", 100.0, True),
        ("first paint with content, ms", 800.0, None),
        ("largest paint with content, ms", 900.0, None),
        ("layout shift", 0.2, False),
    ]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program in the place of Lighthouse, and a browser."""
    program = tmp_path / "node_modules" / "lighthouse" / "cli" / "index.js"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(shutil, "which", str)
    return tmp_path / "node_modules"


def test_a_store_without_a_release_is_named(tmp_path: Path, packages: Path):
    report = lighthouse.measure(tmp_path, packages, 1)
    assert not report.rows
    assert f"{tmp_path} has no live release" in report.notes[0]


@pytest.mark.usefixtures("packages")
def test_without_lighthouse_nothing_is_measured_and_the_report_says_why(tmp_path: Path):
    assert lighthouse.measure(tmp_path, tmp_path, 1).notes == ["not measured: there is no Lighthouse (npm) here"]
