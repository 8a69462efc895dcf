"""How good a model is, in numpy alone: classification, calibration, retrieval."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]
RANKS = (1, 4, 10)
_BINS = 15
_BLOCK_BYTES = 64 << 20


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Probabilities of logits (n, classes) divided by a temperature: float64, same shape."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    exponents = np.exp(scaled)
    probabilities: npt.NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
    return probabilities


def accuracy(logits: Floats, labels: Labels) -> float:
    """Share of rows whose largest logit is the label's."""
    return float(np.mean(logits.argmax(axis=1) == labels))


def classification(logits: Floats, labels: Labels, categories: Sequence[str], temperature: float) -> dict[str, Any]:
    """The figures of a classifier on a labelled set.

    Args:
        logits: (n, classes).
        labels: int64 (n,).
        categories: names in index order.
        temperature: for the calibrated error; see `fit_temperature`.

    Returns:
        n, accuracy, top3, macro_f1 (over the categories that occur), ece, ece_uncalibrated, per_category (a dict of
        precision, recall, f1 and count for each name) and confusion (rows true, columns predicted). Without a row the
        figures are None.
    """
    predicted = logits.argmax(axis=1)
    confusion = confusion_matrix(predicted, labels, len(categories))
    per_category = _per_category(confusion)
    tables = {"per_category": dict(zip(categories, per_category, strict=True)), "confusion": confusion.tolist()}
    if not len(labels):
        names = ("accuracy", "top3", "macro_f1", "ece", "ece_uncalibrated")
        return {"n": 0} | dict.fromkeys(names) | tables
    top3 = np.argsort(-logits, axis=1, kind="stable")[:, :3]
    return {
        "n": len(labels),
        "accuracy": float(np.mean(predicted == labels)),
        "top3": float(np.mean((top3 == labels[:, None]).any(axis=1))),
        "macro_f1": float(np.mean([figures["f1"] for figures in per_category if figures["count"]])),
        "ece": calibration_error(softmax(logits, temperature), labels),
        "ece_uncalibrated": calibration_error(softmax(logits), labels),
        **tables,
    }


def confusion_matrix(predicted: Labels, labels: Labels, classes: int) -> Labels:
    """Counts, int64 (classes, classes): rows true, columns predicted."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def calibration_error(probabilities: Floats, labels: Labels, bins: int = _BINS) -> float:
    """Expected calibration error over equal-width bins of confidence (Guo et al. 2017, equation 3)."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, confidence, bins) - np.bincount(place, correct, bins)
    return float(np.abs(gaps).sum() / len(labels))


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


def negative_log_likelihood(logits: Floats, labels: Labels, temperature: float = 1.0) -> float:
    """Mean cross-entropy, in nats, of logits (n, classes) divided by a temperature."""
    chosen = softmax(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-300)).mean())


def l2_normalise(vectors: Floats) -> npt.NDArray[np.float32]:
    """Rows of length 1, float32; a row of zeros stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def retrieval(vectors: npt.NDArray[np.float32], products: Labels, categories: Labels, test: Labels) -> dict[str, Any]:
    """How well ranking by cosine finds what belongs together, by exact search.

    Queries are the `test` rows whose product has another photo; the gallery is every row but the query itself. Where
    no row at all has such a photo, the queries are all `test` rows and the product-level figures are None.

    Args:
        vectors: float32 (n, d), L2-normalised; may be memory-mapped.
        products, categories: int64 (n,).
        test: int64 (q,), rows.

    Returns:
        n (queries), recall@1, recall@4, recall@10 (another photo of the product is among the first k),
        category_precision@4 (share of the first 4 of the query's category), map@r (Musgrave et al. 2020, "A Metric
        Learning Reality Check", section 3.2). None where there is no query.
    """
    photos_of = np.bincount(products)
    paired = bool((photos_of > 1).any())
    queries = test[photos_of[products[test]] > 1] if paired else test
    depth = min(len(vectors) - 1, max(*RANKS, int(photos_of.max()) - 1))
    names = [f"recall@{k}" for k in RANKS] + ["category_precision@4", "map@r"]
    if not len(queries) or depth < 1:
        return {"n": len(queries)} | dict.fromkeys(names)
    found = nearest(vectors, queries, depth)  # (q, depth)
    hits = products[found] == products[queries][:, None]
    figures: dict[str, Any] = {"n": len(queries)}
    for k in RANKS:
        figures[f"recall@{k}"] = float(hits[:, :k].any(axis=1).mean()) if paired else None
    same = categories[found[:, :4]] == categories[queries][:, None]
    figures["category_precision@4"] = float(same.mean())
    figures["map@r"] = _map_at_r(hits, photos_of[products[queries]] - 1) if paired else None
    return figures


def nearest(vectors: npt.NDArray[np.float32], queries: Labels, k: int, block_bytes: int = _BLOCK_BYTES) -> Labels:
    """The k rows nearest to each query row by inner product, best first, the query itself left out; ties by row.

    Exact; holds `block_bytes` of scores at a time, so that memory stays flat as queries grow.

    Returns:
        int64 (q, k).
    """
    found = np.empty((len(queries), k), np.int64)
    block = max(1, block_bytes // (4 * len(vectors)))
    for start in range(0, len(queries), block):
        rows = queries[start : start + block]
        scores = vectors[rows] @ vectors.T  # (block, n)
        scores[np.arange(len(rows)), rows] = -np.inf
        first = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(-np.take_along_axis(scores, first, axis=1), axis=1, kind="stable")
        found[start : start + len(rows)] = np.take_along_axis(first, order, axis=1)
    return found


def _map_at_r(hits: npt.NDArray[np.bool_], relevant: Labels) -> float:
    """Mean over queries of 1/R * sum over i <= R of precision@i where rank i is relevant."""
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = np.cumsum(hits, axis=1) / ranks
    counted = hits & (ranks <= relevant[:, None])
    return float(np.mean((precision * counted).sum(axis=1) / relevant))


def _per_category(confusion: Labels) -> list[dict[str, Any]]:
    right = np.diag(confusion).astype(np.float64)
    count, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        {
            "precision": float(right[i] / predicted[i]) if predicted[i] else 0.0,
            "recall": float(right[i] / count[i]) if count[i] else 0.0,
            "f1": float(2 * right[i] / (count[i] + predicted[i])) if count[i] + predicted[i] else 0.0,
            "count": int(count[i]),
        }
        for i in range(len(confusion))
    ]
