import numpy as np
import pytest

from lambda_app.search.vectors import softmax
from training.metrics.calibration import BINS, calibration, calibration_error, coverage, fit_temperature, reliability


def test_reliability_matches_bins_filled_photo_by_photo(scored):
    logits, labels = scored
    probabilities = softmax(logits)
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for row, label in zip(probabilities, labels, strict=True):
        bins[min(BINS - 1, int(row.max() * BINS))].append((row.max(), row.argmax() == label))
    found = reliability(probabilities, labels)
    assert [point["count"] for point in found] == [len(filled) for filled in bins if filled]
    for point, filled in zip(found, [filled for filled in bins if filled], strict=True):
        assert point["confidence"] == pytest.approx(np.mean([c for c, _ in filled]))
        assert point["accuracy"] == pytest.approx(np.mean([r for _, r in filled]))
        assert point["low"] <= point["confidence"] <= point["high"]
    expected = sum(abs(sum(c for c, _ in filled) - sum(r for _, r in filled)) for filled in bins) / 60
    assert calibration_error(probabilities, labels) == pytest.approx(expected)


def test_a_confident_and_correct_model_is_calibrated():
    assert calibration_error(np.eye(4), np.arange(4)) == 0.0


@pytest.mark.parametrize("stretch", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_a_scaling_of_calibrated_logits(stretch):
    rng = np.random.default_rng(2)
    logits = rng.normal(scale=2.0, size=(20_000, 4))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    temperature = fit_temperature(logits * stretch, labels)
    assert temperature == pytest.approx(stretch, rel=0.05)
    found = calibration(logits * stretch, labels, temperature)
    assert found["ece"] < 0.02
    if stretch != 1.0:
        assert found["ece"] < found["ece_uncalibrated"]
        assert found["nll"] < found["nll_uncalibrated"]


def test_the_temperature_is_one_for_a_single_category():
    assert fit_temperature(np.ones((5, 1)), np.zeros(5, np.int64)) == 1.0


def test_coverage_counts_predictions_above_the_threshold():
    probabilities = np.array([[0.96, 0.04], [0.2, 0.8], [0.55, 0.45], [0.9, 0.1]])
    found = coverage(probabilities, np.array([0, 1, 1, 1]), np.arange(4), thresholds=(0.5, 0.8, 0.99))
    assert [(row["count"], row["share"], row["accuracy"]) for row in found] == [
        (4, 1.0, 0.5),
        (3, 0.75, pytest.approx(2 / 3)),
        (0, 0.0, None),
    ]
    assert found[0]["interval"][0] < 0.5 < found[0]["interval"][1]
    assert found[2]["interval"] is None


def test_an_empty_split_has_no_figures():
    logits, labels = np.empty((0, 3), np.float32), np.empty(0, np.int64)
    assert set(calibration(logits, labels, 1.0).values()) == {None}
    assert reliability(softmax(np.zeros((0, 3)) + 0.0), labels) == []
    assert {row["accuracy"] for row in coverage(np.empty((0, 3)), labels, labels)} == {None}
