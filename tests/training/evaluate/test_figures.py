import numpy as np
import pytest

from lambda_app.search.vectors import unit
from training.evaluate.figures import measure
from training.network.forward import Outputs


@pytest.fixture(scope="module")
def answers(small_dataset):
    """Random answers whose embeddings of the photos of a product are similar."""
    rng = np.random.default_rng(0)
    n, classes = len(small_dataset.photos), len(small_dataset.categories)
    centres = rng.normal(size=(small_dataset.product.max() + 1, 16))
    embedding = unit(centres[small_dataset.product] + 0.2 * rng.normal(size=(n, 16)))
    logits = rng.normal(size=(n, classes)).astype(np.float32)
    logits[np.arange(n), small_dataset.category] += 1.5
    return Outputs(logits, embedding, unit(rng.normal(size=(n, 24))))


@pytest.fixture(scope="module")
def figures(small_dataset, answers):
    return measure(small_dataset, answers, small_dataset.categories).figures


def test_every_figure_is_within_its_interval(figures):
    test = figures["test"]
    pairs = [(test[name], interval) for name, interval in test["intervals"].items()]
    pairs += [
        (entry[name], entry["intervals"][name]) for entry in test["retrieval"].values() for name in entry["intervals"]
    ]
    pairs += [(row["recall"], row["recall_interval"]) for row in test["per_category"].values() if row["count"]]
    pairs += [(lead["difference"], lead["interval"]) for leads in figures["leads"].values() for lead in leads.values()]
    assert len(pairs) > 20
    for value, (low, high) in pairs:
        assert low <= value <= high


def test_leads_are_differences_between_retrieval_figures(figures):
    retrieval = figures["test"]["retrieval"]
    assert figures["leads"].keys() == {"logits", "pooled"}
    for name, leads in figures["leads"].items():
        for measured, lead in leads.items():
            assert lead["difference"] == pytest.approx(retrieval["embedding"][measured] - retrieval[name][measured])
    assert figures["leads"]["pooled"]["recall@4"]["interval"][0] > 0


def test_the_confused_pairs_are_the_off_diagonal_entries_of_the_confusion_matrix(figures):
    matrix = np.array(figures["test"]["confusion"])
    assert sum(pair["count"] for pair in figures["confused"]) == matrix.sum() - np.trace(matrix)
    counts = [pair["count"] for pair in figures["confused"]]
    assert counts == sorted(counts, reverse=True)
    first, names = figures["confused"][0], figures["categories"]
    row = names.index(first["true"])
    assert matrix[row, names.index(first["predicted"])] == first["count"]
    assert first["share"] == pytest.approx(first["count"] / matrix[row].sum())


def test_queries_and_photos_of_the_categories_add_up(figures):
    rows = figures["test"]["per_category"].values()
    assert sum(row["count"] for row in rows) == figures["test"]["n"]
    assert sum(row["retrieval"]["n"] for row in rows) == figures["test"]["retrieval"]["embedding"]["n"]
    weighted = sum(row["retrieval"]["n"] * (row["retrieval"]["recall@4"] or 0) for row in rows)
    found = figures["test"]["retrieval"]["embedding"]
    assert weighted == pytest.approx(found["n"] * found["recall@4"])


def test_the_majority_baseline_uses_the_most_frequent_training_category(figures, small_dataset):
    usual = np.bincount(small_dataset.category[small_dataset.rows("train")]).argmax()
    expected = np.mean(small_dataset.category[small_dataset.rows("test")] == usual)
    assert figures["test"]["majority"] == pytest.approx(expected)
