"""The weight of the category in the order of a photo's results: chosen on validation photos, measured on test photos.

A release ranks the results of a photo by cosine + weight x the calibrated probability that the photo shows the item's
category (`lambda_app.recommendation.finder`). Here the same order is computed over all photos.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.search.vectors import softmax
from training.dataset import Dataset
from training.metrics import retrieval
from training.metrics.intervals import FEW_PHOTOS
from training.metrics.retrieval import Labels, Ranking
from training.network.forward import Outputs

WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
# A weight may cost at most this much of recall@1 and of recall@4, rounded up to whole queries: the limit of an int8
# model. Not rounded down: of the demo's 392 queries, two are 0.51 %, and the next lower weight costs a point of the
# category precision.
MOST_LOSS = 0.005
# Of the weights left, the smallest that comes as near as this to the best: a larger one does more harm to photos whose
# category is predicted wrongly.
NEAR_BEST = 0.005
# At most this many validation photos are ranked: more would take long and change nothing.
QUERIES = 2000
_SEED = 0
_LIMITED = ("recall@1", "recall@4")
_RAISED = "category_precision@10"


def rank_by_category(dataset: Dataset, outputs: Outputs, rows: Labels, temperature: float, weight: float) -> Ranking:
    """The ranking of a release with this weight; see `retrieval.rank`.

    Args:
        rows: int64 (q,), the photos that may be queries.
        temperature: of the probabilities.
    """

    def bonuses(queries: Labels) -> npt.NDArray[np.float32]:
        return (weight * softmax(outputs.logits[queries], temperature)).astype(np.float32)

    return retrieval.rank(outputs.embedding, dataset.product, dataset.category, rows, bonuses if weight else None)


def choose_weight(
    dataset: Dataset, outputs: Outputs, temperature: float, most: int = QUERIES, fewest: int = FEW_PHOTOS
) -> dict[str, Any]:
    """Rank validation photos with each of WEIGHTS, and choose one.

    Args:
        outputs: outputs of the network for all photos.
        most: at most this many validation photos, drawn with a seed.
        fewest: with fewer queries the weight is 0.

    Returns:
        `category_weight`, and `validation` with `n` (queries) and `weights`: for each weight the metrics by which one
        is chosen.
    """
    validation = dataset.rows("validation")
    rows = np.sort(np.random.default_rng(_SEED).permutation(validation)[:most])
    measured: list[dict[str, float | None]] = []
    queries = 0
    for weight in WEIGHTS:
        ranking = rank_by_category(dataset, outputs, rows, temperature, weight)
        means = retrieval.means(retrieval.per_query(ranking))
        measured.append({"weight": weight, **{name: means[name] for name in (*_LIMITED, _RAISED)}})
        queries = len(ranking.queries)
    weight = best_weight(measured, queries) if queries >= fewest else 0.0
    return {"category_weight": weight, "validation": {"n": queries, "weights": measured}}


def best_weight(measured: Sequence[dict[str, float | None]], queries: int) -> float:
    """The weight that raises the category precision most, or nearly so, without a loss of recall above MOST_LOSS.

    Args:
        measured: for each weight, in ascending order from 0: `weight`, recall@1 and recall@4 (None if no product has
            two photos), and category_precision@10.
        queries: number of photos that these are the means of.
    """
    plain, limit = measured[0], math.ceil(MOST_LOSS * queries) / max(queries, 1)
    allowed = [entry for entry in measured if all(_loss(plain[name], entry[name]) <= limit + 1e-9 for name in _LIMITED)]
    best = max(entry[_RAISED] or 0.0 for entry in allowed)
    return next(entry["weight"] or 0.0 for entry in allowed if (entry[_RAISED] or 0.0) >= best - NEAR_BEST)


def _loss(before: float | None, after: float | None) -> float:
    return 0.0 if before is None or after is None else before - after
