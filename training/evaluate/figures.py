"""All metrics of the network's outputs: the content of `metrics.json`, and the example cases of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.search.vectors import softmax, unit
from training.dataset import Dataset
from training.evaluate.ranking import choose_weight, rank_by_category
from training.evaluate.report.cases import Gallery, choose, confident_mistakes
from training.metrics import calibration, retrieval
from training.metrics.intervals import mean_difference, mean_interval, wilson
from training.metrics.retrieval import Labels, Ranking
from training.network.forward import Outputs

SERVED = "embedding"
PerQuery = Mapping[str, npt.NDArray[np.float64] | None]


@dataclass(frozen=True)
class Measured:
    """The result of an evaluation.

    Attributes:
        figures: metrics as JSON values. Intervals are 95 % intervals, None if their metric is None.
        gallery: example cases for the report, as rows of the dataset.
    """

    figures: dict[str, Any]
    gallery: Gallery


def measure(dataset: Dataset, outputs: Outputs, categories: Sequence[str]) -> Measured:
    """Compute the metrics of a network on a dataset.

    Args:
        outputs: outputs of the network for all photos; pooled features L2-normalised.
        categories: category names in index order.
    """
    test, validation = dataset.rows("test"), dataset.rows("validation")
    labels, logits = dataset.category, outputs.logits
    temperature = calibration.fit_temperature(logits[validation], labels[validation]) if len(validation) else 1.0
    vectors = {SERVED: outputs.embedding, "logits": unit(logits), "pooled": outputs.pooled}
    rankings = {name: retrieval.rank(vector, dataset.product, labels, test) for name, vector in vectors.items()}
    found = {name: retrieval.per_query(ranking) for name, ranking in rankings.items()}
    groups = dataset.product[rankings[SERVED].queries]

    chosen = choose_weight(dataset, outputs, temperature)
    ranked = retrieval.per_query(rank_by_category(dataset, outputs, test, temperature, chosen["category_weight"]))

    test_figures = _classification(dataset, logits, categories) | calibration.calibration(
        logits[test], labels[test], temperature
    )
    test_figures["retrieval"] = {name: _retrieval(values, groups) for name, values in found.items()}
    _add_retrieval(test_figures["per_category"], rankings[SERVED], found[SERVED], dataset)
    probabilities = softmax(logits[test], temperature)
    mistakes = confident_mistakes(probabilities, labels[test], test)
    figures = {
        "test": test_figures,
        "train": _accuracy(dataset, logits, "train"),
        "validation": _accuracy(dataset, logits, "validation"),
        "temperature": temperature,
        "calibration": _reliability(logits[test], labels[test], dataset.product[test], temperature),
        "confused": _confused(test_figures["confusion"], categories),
        "leads": {name: _leads(found[SERVED], values, groups) for name, values in found.items() if name != SERVED},
        "ranking": chosen | {"test": _retrieval(ranked, groups), "gains": _leads(ranked, found[SERVED], groups)},
        "gallery": len(dataset.photos),
        "categories": list(categories),
    }
    return Measured(figures, choose(rankings[SERVED], outputs.embedding, dataset.product, labels, mistakes))


def _classification(dataset: Dataset, logits: npt.NDArray[np.float32], categories: Sequence[str]) -> dict[str, Any]:
    """`retrieval.classification` of the test split, with intervals.

    `majority` is the accuracy of always predicting the most frequent category of the train split.
    """
    test, train = dataset.rows("test"), dataset.rows("train")
    labels, answers, products = dataset.category[test], logits[test], dataset.product[test]
    figures = retrieval.classification(answers, labels, categories)
    right = answers.argmax(axis=1) == labels
    figures["products"] = len(np.unique(products))
    figures["intervals"] = {
        "accuracy": mean_interval(right, products),
        "top3": mean_interval(retrieval.in_first(answers, labels, 3), products),
    }
    majority = np.bincount(dataset.category[train]).argmax() if len(train) else None
    figures["majority"] = float(np.mean(labels == majority)) if len(test) and majority is not None else None
    for index, row in enumerate(figures["per_category"].values()):
        in_category = labels == index
        row["recall_interval"] = mean_interval(right[in_category], products[in_category])
    return figures


def _accuracy(dataset: Dataset, logits: npt.NDArray[np.float32], split: str) -> dict[str, Any]:
    rows = dataset.rows(split)
    right = logits[rows].argmax(axis=1) == dataset.category[rows]
    accuracy = float(right.mean()) if len(rows) else None
    return {"n": len(rows), "accuracy": accuracy, "interval": mean_interval(right, dataset.product[rows])}


def _retrieval(found: PerQuery, groups: Labels) -> dict[str, Any]:
    intervals = {name: None if values is None else mean_interval(values, groups) for name, values in found.items()}
    return {"n": len(groups)} | retrieval.means(found) | {"intervals": intervals}


def _add_retrieval(
    per_category: Mapping[str, dict[str, Any]], ranking: Ranking, found: PerQuery, dataset: Dataset
) -> None:
    """Add the retrieval metrics of each category's queries to its row."""
    categories, products = dataset.category[ranking.queries], dataset.product[ranking.queries]
    for index, row in enumerate(per_category.values()):
        in_category = categories == index
        recall, precision = (
            None if values is None or not in_category.any() else values[in_category]
            for values in (found["recall@4"], found["category_precision@4"])
        )
        row["retrieval"] = {
            "n": int(in_category.sum()),
            "recall@4": None if recall is None else float(recall.mean()),
            "recall@4_interval": None if recall is None else mean_interval(recall, products[in_category]),
            "category_precision@4": None if precision is None else float(precision.mean()),
        }


def _leads(first: PerQuery, second: PerQuery, groups: Labels) -> dict[str, Any]:
    """For each metric, its difference between the first and the second ranking on the same queries."""
    leads: dict[str, Any] = {}
    for name, values in first.items():
        others = second[name]
        if values is None or others is None:
            leads[name] = {"difference": None, "interval": None}
        else:
            leads[name] = dict(zip(("difference", "interval"), mean_difference(values, others, groups), strict=True))
    return leads


def _reliability(
    logits: npt.NDArray[np.float32], labels: Labels, products: Labels, temperature: float
) -> dict[str, Any]:
    before, after = softmax(logits), softmax(logits, temperature)
    return {
        "before": calibration.reliability(before, labels),
        "after": calibration.reliability(after, labels),
        "coverage": calibration.coverage(after, labels, products),
    }


def _confused(confusion: Sequence[Sequence[int]], categories: Sequence[str]) -> list[dict[str, Any]]:
    """Pairs of a true category and a different predicted category, most photos first."""
    counts = np.array(confusion)
    mistaken = np.argwhere(counts - np.diag(np.diag(counts))).tolist()
    pairs = [
        {
            "true": categories[a],
            "predicted": categories[b],
            "count": int(counts[a, b]),
            "share": float(counts[a, b] / counts[a].sum()),
            "interval": wilson(counts[a, b] / counts[a].sum(), int(counts[a].sum())),
        }
        for a, b in mistaken
    ]
    return sorted(pairs, key=lambda pair: (-pair["count"], -pair["share"]))
