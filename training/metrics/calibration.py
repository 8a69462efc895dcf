"""Whether probabilities mean what they say: reliability, calibration error, and the temperature that mends it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lambda_app.search.vectors import softmax
from training.metrics.intervals import mean_interval
from training.metrics.retrieval import Floats, Labels, negative_log_likelihood

BINS = 15
# Probabilities at which a person may want to take over from the model.
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95)


def calibration(logits: Floats, labels: Labels, temperature: float) -> dict[str, Any]:
    """The figures of calibration on a labelled set, after the temperature and (`_uncalibrated`) before.

    Args:
        logits: (n, classes).
        labels: int64 (n,).

    Returns:
        ece, ece_uncalibrated, nll, nll_uncalibrated (nats). None without a row.
    """
    if not len(labels):
        return dict.fromkeys(("ece", "ece_uncalibrated", "nll", "nll_uncalibrated"))
    return {
        "ece": calibration_error(softmax(logits, temperature), labels),
        "ece_uncalibrated": calibration_error(softmax(logits), labels),
        "nll": negative_log_likelihood(logits, labels, temperature),
        "nll_uncalibrated": negative_log_likelihood(logits, labels),
    }


def reliability(probabilities: Floats, labels: Labels, bins: int = BINS) -> list[dict[str, Any]]:
    """A reliability diagram's points (Guo et al. 2017, section 2): the bins of equal width that hold a photo.

    Args:
        probabilities: (n, classes).
        labels: int64 (n,).

    Returns:
        For each: low and high (of its confidence), count, confidence (mean) and accuracy, ascending.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    sums, hits = np.bincount(place, confidence, bins), np.bincount(place, correct, bins)
    return [
        {
            "low": float(i / bins),
            "high": float((i + 1) / bins),
            "count": int(count[i]),
            "confidence": float(sums[i] / count[i]),
            "accuracy": float(hits[i] / count[i]),
        }
        for i in np.flatnonzero(count)
    ]


def calibration_error(probabilities: Floats, labels: Labels, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal width (Guo et al. 2017, equation 3); there must be a row."""
    points = reliability(probabilities, labels, bins)
    return float(sum(point["count"] * abs(point["confidence"] - point["accuracy"]) for point in points) / len(labels))


def coverage(
    probabilities: Floats, labels: Labels, products: Labels, thresholds: Sequence[float] = THRESHOLDS
) -> list[dict[str, Any]]:
    """What answering only where the model is sure enough would bring.

    Returns:
        For each threshold: threshold, count (photos at or above it), share of all photos, accuracy among them and its
        interval. None where there is no photo to tell by.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    rows = []
    for threshold in thresholds:
        sure = confidence >= threshold
        rows.append(
            {
                "threshold": threshold,
                "count": int(sure.sum()),
                "share": float(sure.mean()) if len(sure) else None,
                "accuracy": float(correct[sure].mean()) if sure.any() else None,
                "interval": mean_interval(correct[sure], products[sure]),
            }
        )
    return rows


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """The temperature that minimises the negative log-likelihood (Guo et al. 2017, section 4.2), in [0.05, 20].

    The likelihood is unimodal in log T, so a golden-section search finds it.
    """
    low, high = np.log(0.05), np.log(20.0)
    ratio = (np.sqrt(5.0) - 1) / 2
    while high - low > 1e-5:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if negative_log_likelihood(logits, labels, np.exp(left)) < negative_log_likelihood(
            logits, labels, np.exp(right)
        ):
            high = right
        else:
            low = left
    fitted = float(np.exp((low + high) / 2))
    # Where no temperature is better than another, as with one category, the logits stay as they are.
    better = negative_log_likelihood(logits, labels, fitted) < negative_log_likelihood(logits, labels)
    return fitted if better else 1.0
