"""How well the embedding finds products of categories that are new to it, beside the pooled features as they are.

Each test photo is searched by an embedding that was trained without its category, on the features of the starting
weights: see `training.fit.heads.unseen`. The served embedding knows all categories.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from training.dataset import Dataset
from training.evaluate import baseline
from training.metrics import retrieval
from training.metrics.intervals import mean_difference, mean_interval
from training.metrics.retrieval import Labels
from training.network.frozen_heads import FrozenHeads
from training.pipeline.work_folder import WorkFolder

EMBEDDING, POOLED = "embedding", "pooled"
MEASURES = ("recall@1", "recall@4", "map@r", "category_precision@4", "category_precision@10")
Array = npt.NDArray[np.float32]
# For each metric, its value for each query; None if it cannot be measured.
_PerQuery = dict[str, npt.NDArray[np.float64] | None]


def compare(work: WorkFolder, dataset: Dataset) -> dict[str, Any]:
    """The entry `unseen` of `metrics.json`.

    Returns:
    `reason` why it is not measured, or null; `folds`, the names of the categories of each fold; `test`, for EMBEDDING
    and POOLED `n` (queries), the MEASURES and their intervals; `leads`, the differences between both on the same
    photos. If it is not measured, all but the reason are null.
    """
    reason = _reason(work, dataset)
    if reason is not None:
        return {"reason": reason, "folds": None, "test": None, "leads": None}
    heads, features = FrozenHeads.read(work.heads), np.load(work.features, mmap_mode="r", allow_pickle=False)
    folds = heads.folds()
    with baseline.normalised(features, work.root) as pooled:
        found = {
            EMBEDDING: list(_searched(dataset, folds, (heads.unseen(features, fold) for fold in _numbers(folds)))),
            POOLED: list(_searched(dataset, folds, (pooled for _ in _numbers(folds)))),
        }
    products = np.concatenate([own for own, _ in found[POOLED]])
    values = {name: _joined([of_fold for _, of_fold in parts]) for name, parts in found.items()}
    return {
        "reason": None,
        "folds": [[dataset.categories[index] for index in np.flatnonzero(folds == fold)] for fold in _numbers(folds)],
        "test": {name: _figures(of_queries, products) for name, of_queries in values.items()},
        "leads": {
            name: _lead(values[EMBEDDING][name], values[POOLED][name], products)
            for name in MEASURES
        },
    }  # fmt: skip


def _reason(work: WorkFolder, dataset: Dataset) -> str | None:
    entry = baseline.entry_of(work)
    reason: str | None = entry["reason"] or entry.get("unseen")
    if reason is None and not len(dataset.rows("test")):
        return "there are no test photos"
    return reason


def _numbers(folds: Labels) -> range:
    return range(int(folds.max()) + 1)


def _searched(dataset: Dataset, folds: Labels, vectors: Iterator[Array]) -> Iterator[tuple[Labels, _PerQuery]]:
    """For each fold, the products of its queries and their metrics, in the gallery of all photos."""
    test = dataset.rows("test")
    for fold, own in enumerate(vectors):
        rows = test[folds[dataset.category[test]] == fold]
        ranking = retrieval.rank(own, dataset.product, dataset.category, rows)
        found = retrieval.per_query(ranking)
        if len(ranking.queries):
            yield dataset.product[ranking.queries], {name: found[name] for name in MEASURES}


def _joined(parts: list[_PerQuery]) -> _PerQuery:
    joined: _PerQuery = {}
    for name in MEASURES:
        known = [values for part in parts if (values := part[name]) is not None]
        joined[name] = np.concatenate(known) if known else None
    return joined


def _figures(values: _PerQuery, products: Labels) -> dict[str, Any]:
    intervals = {name: None if found is None else mean_interval(found, products) for name, found in values.items()}
    return {"n": len(products)} | retrieval.means(values) | {"intervals": intervals}


def _lead(
    first: npt.NDArray[np.float64] | None, second: npt.NDArray[np.float64] | None, products: Labels
) -> dict[str, Any]:
    if first is None or second is None:
        return {"difference": None, "interval": None}
    difference, interval = mean_difference(first, second, products)
    return {"difference": difference, "interval": interval}
