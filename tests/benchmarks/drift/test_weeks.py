import numpy as np
import pytest

from benchmarks.drift.photos import Answers, Traffic
from benchmarks.drift.weeks import A_WEEK, DRIFTS, NONE, alarms, measure, simulated
from lambda_app.release.manifest import Manifest
from tests.lambda_app.release.test_manifest import read
from tests.operate.drift.photos import CATEGORIES, CELLS, reference


def answers(score: float, seed: int, lowest_cell: int = 0) -> Answers:
    """Photos with these scores on average, and with the cells and categories of the tests' reference."""
    random = np.random.default_rng(seed)
    cells = random.integers(lowest_cell, CELLS, 900)
    return Answers(np.arange(900) // 2, cells % len(CATEGORIES), cells, random.normal(score, 0.09, 900).clip(0, 0.99))


@pytest.fixture(scope="module")
def asked() -> Traffic:
    model = {"file": "model.onnx", "sha256": "0" * 64, "bytes": 1, "embedding_dim": 16, "opset": 17}
    made = reference(600).model_dump(mode="json")
    manifest: Manifest = read(model=model, categories=list(CATEGORIES), reference=made)
    sorts = {"usual": answers(0.7, 0), "dark": answers(0.58, 1), "blurred": answers(0.5, 2)}
    return Traffic(manifest, {**sorts, "unknown": answers(0.35, 3, 6), "other kinds": answers(0.35, 4, 4)})


def test_a_week_has_its_queries_with_repeats_and_four_weeks_before(asked: Traffic):
    found = simulated(asked, NONE, True, np.random.default_rng(0))
    assert found.photos == pytest.approx(A_WEEK, rel=0.2)
    assert found.repeated > 0.2 * found.photos
    assert len({one.day for one in found.now}) == 7
    assert len({one.day for one in found.before}) == 28


@pytest.mark.parametrize("against", ["reference", "before"])
def test_drift_raises_an_alarm_and_other_weeks_do_not(asked: Traffic, against: str):
    assert alarms(asked, DRIFTS[0], against, 4) == 1.0
    assert alarms(asked, NONE, against, 4) == 0.0


def test_the_report_has_a_row_with_a_goal_for_each_drift(asked: Traffic):
    report = measure(asked, 2, 1)
    assert len(report.rows) == 2 * (1 + len(DRIFTS))
    assert all(row.goal is not None for row in report.rows)
