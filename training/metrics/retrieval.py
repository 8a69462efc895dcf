"""Metrics of classification and retrieval, with numpy only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.search.vectors import softmax

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]
RANKS = (1, 4, 10)
_BLOCK_BYTES = 64 << 20
# Of some query rows, int64 (b,): what is added to the scores of each category's rows, float32 (b, classes).
Bonuses = Callable[[Labels], npt.NDArray[np.float32]]


def accuracy(logits: Floats, labels: Labels) -> float:
    """Share of rows whose largest logit is that of the label."""
    return float(np.mean(logits.argmax(axis=1) == labels))


def classification(logits: Floats, labels: Labels, categories: Sequence[str]) -> dict[str, Any]:
    """The metrics of a classifier on a labelled set.

    Args:
        logits: (n, classes).
        labels: int64 (n,).
        categories: category names in index order.

    Returns:
        n, accuracy, top3, macro_f1 (over the categories that occur), per_category (a dict of precision, recall, f1 and
        count for each name) and confusion (rows true, columns predicted). Without rows the metrics are None.
    """
    predicted = logits.argmax(axis=1)
    confusion = confusion_matrix(predicted, labels, len(categories))
    per_category = _per_category(confusion)
    tables = {"per_category": dict(zip(categories, per_category, strict=True)), "confusion": confusion.tolist()}
    if not len(labels):
        return {"n": 0} | dict.fromkeys(("accuracy", "top3", "macro_f1")) | tables
    return {
        "n": len(labels),
        "accuracy": float(np.mean(predicted == labels)),
        "top3": float(np.mean(in_first(logits, labels, 3))),
        "macro_f1": float(np.mean([figures["f1"] for figures in per_category if figures["count"]])),
        **tables,
    }


def in_first(logits: Floats, labels: Labels, k: int) -> npt.NDArray[np.bool_]:
    """Whether each row's label is among its k largest logits: bool (n,)."""
    first = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    found: npt.NDArray[np.bool_] = (first == labels[:, None]).any(axis=1)
    return found


def confusion_matrix(predicted: Labels, labels: Labels, classes: int) -> Labels:
    """Counts, int64 (classes, classes): rows true, columns predicted."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def negative_log_likelihood(logits: Floats, labels: Labels, temperature: float = 1.0) -> float:
    """Mean cross-entropy, in nats, of logits (n, classes) divided by a temperature."""
    chosen = softmax(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-300)).mean())


@dataclass(frozen=True)
class Ranking:
    """The nearest neighbours of q queries, best first, by exact search.

    Attributes:
        queries: int64 (q,), rows.
        found: int64 (q, depth), rows of the neighbours; depth may be 0.
        hits: bool (q, depth), whether a neighbour is a photo of the query's product.
        same: bool (q, depth), whether a neighbour is of the query's category.
        others: int64 (q,), number of other photos of the query's product.
        paired: whether any product has two photos; without one, metrics by product have no meaning.
    """

    queries: Labels
    found: Labels
    hits: npt.NDArray[np.bool_]
    same: npt.NDArray[np.bool_]
    others: Labels
    paired: bool


def rank(
    vectors: npt.NDArray[np.float32],
    products: Labels,
    categories: Labels,
    test: Labels,
    bonuses: Bonuses | None = None,
    asked: npt.NDArray[np.float32] | None = None,
) -> Ranking:
    """Rank by cosine, or by cosine plus a bonus for the category.

    Queries are the `test` rows whose product has another photo. If no product has two photos, all `test` rows are
    queries. The gallery of a query is all other rows.

    Args:
        vectors: float32 (n, d), L2-normalised; may be memory-mapped.
        products, categories: int64 (n,).
        test: int64 (q,), rows.
        bonuses: of the queries, for each category; None: none.
        asked: float32 (n, d), what is asked with instead of the row's own vector; None: that vector.
    """
    photos_of = np.bincount(products)
    paired = bool((photos_of > 1).any())
    queries = test[photos_of[products[test]] > 1] if paired else test
    depth = min(len(vectors) - 1, max(*RANKS, int(photos_of.max()) - 1)) if len(queries) else 0
    found = (
        nearest(vectors, queries, depth, bonuses=bonuses, categories=categories, asked=asked)
        if depth
        else np.empty((len(queries), 0), np.int64)
    )
    hits = products[found] == products[queries][:, None]
    same = categories[found] == categories[queries][:, None]
    return Ranking(queries, found, hits, same, photos_of[products[queries]] - 1, paired)


def retrieval(vectors: npt.NDArray[np.float32], products: Labels, categories: Labels, test: Labels) -> dict[str, Any]:
    """The metrics of a ranking by cosine. For the arguments see `rank`.

    Returns:
        n (number of queries), and the mean of each metric of `per_query`.
    """
    ranking = rank(vectors, products, categories, test)
    return {"n": len(ranking.queries)} | means(per_query(ranking))


def per_query(ranking: Ranking) -> dict[str, npt.NDArray[np.float64] | None]:
    """The metrics of each query, float64 (q,) in [0, 1]; None if they cannot be measured.

    recall@k: another photo of the product is among the first k. category_precision@k: share of the first k of the
    query's category. map@r: Musgrave et al. 2020, "A Metric Learning Reality Check", section 3.2.
    """
    by_product, by_category, measured = ranking.hits, ranking.same, ranking.found.size > 0
    paired = ranking.paired and measured
    figures: dict[str, npt.NDArray[np.float64] | None] = {}
    for k in RANKS:
        figures[f"recall@{k}"] = np.asarray(by_product[:, :k].any(axis=1), np.float64) if paired else None
    for k in RANKS:
        figures[f"category_precision@{k}"] = (
            np.asarray(by_category[:, :k].mean(axis=1), np.float64) if measured else None
        )
    figures["map@r"] = _average_precision_at_r(by_product, ranking.others) if paired else None
    return figures


def means(figures: Mapping[str, npt.NDArray[np.float64] | None]) -> dict[str, float | None]:
    """The mean of each metric; None stays None."""
    return {name: None if values is None else float(values.mean()) for name, values in figures.items()}


def nearest(
    vectors: npt.NDArray[np.float32],
    queries: Labels,
    k: int,
    block_bytes: int = _BLOCK_BYTES,
    *,
    bonuses: Bonuses | None = None,
    categories: Labels | None = None,
    asked: npt.NDArray[np.float32] | None = None,
) -> Labels:
    """The k nearest rows of each query row by inner product, without the query itself, best first; ties by row.

    With `bonuses`, that of a row's category is added to its inner product; `categories`, int64 (n,), says which it is.
    With `asked`, float32 (n, d), a query row asks with its vector in it.

    Exact search. Memory holds `block_bytes` of scores at a time, so it does not depend on the number of queries.

    Returns:
        int64 (q, k).
    """
    found = np.empty((len(queries), k), np.int64)
    asked = vectors if asked is None else asked
    block = max(1, block_bytes // (4 * len(vectors)))
    for start in range(0, len(queries), block):
        rows = queries[start : start + block]
        scores = asked[rows] @ vectors.T  # (block, n)
        if bonuses is not None and categories is not None:
            scores += bonuses(rows)[:, categories]
        scores[np.arange(len(rows)), rows] = -np.inf
        first = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(-np.take_along_axis(scores, first, axis=1), axis=1, kind="stable")
        found[start : start + len(rows)] = np.take_along_axis(first, order, axis=1)
    return found


def _average_precision_at_r(hits: npt.NDArray[np.bool_], relevant: Labels) -> npt.NDArray[np.float64]:
    """For each query 1/R * the sum of precision@i over the ranks i <= R with a hit: float64 (q,)."""
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = np.cumsum(hits, axis=1) / ranks
    counted = hits & (ranks <= relevant[:, None])
    averages: npt.NDArray[np.float64] = (precision * counted).sum(axis=1) / relevant
    return averages


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
