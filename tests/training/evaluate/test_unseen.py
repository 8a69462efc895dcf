import json

import numpy as np
import pytest

from training.dataset import Dataset
from training.evaluate import stage as evaluate
from training.evaluate import unseen
from training.fit import stage as fit
from training.metrics import retrieval
from training.network.frozen_heads import FrozenHeads
from training.pipeline.work_folder import WorkFolder


@pytest.fixture(scope="module")
def frozen(trained, fit_settings, tmp_path_factory):
    """A run with `--freeze all` from the weights of the `trained` run, evaluated; tests must not change it."""
    work = WorkFolder(tmp_path_factory.mktemp("unseen"))
    work.dataset.symlink_to(trained.dataset)
    fit.run(work, fit_settings.changed(weights=str(trained.weights), freeze="all"))
    evaluate.run(work)
    return work


@pytest.fixture(scope="module")
def figures(frozen):
    return json.loads((frozen.report / "metrics.json").read_bytes())


def test_every_category_is_left_out_once(figures):
    folds = figures["unseen"]["folds"]
    assert sorted(name for fold in folds for name in fold) == sorted(figures["categories"])
    assert len(folds) > 1


def test_the_queries_are_those_of_the_test_figures(figures):
    found = figures["unseen"]["test"]
    assert found["embedding"]["n"] == found["pooled"]["n"] == figures["test"]["retrieval"]["embedding"]["n"]
    # Pooled features have not been trained, so it makes no difference to them which categories are left out.
    for name in unseen.MEASURES:
        assert found["pooled"][name] == pytest.approx(figures["test"]["retrieval"]["pooled"][name], abs=1e-6)


def test_each_photo_is_searched_by_the_embedding_that_does_not_know_its_category(frozen, figures):
    dataset, heads = Dataset.open(frozen.dataset), FrozenHeads.read(frozen.heads)
    features, test, found = np.load(frozen.features), dataset.rows("test"), []
    for fold, names in enumerate(figures["unseen"]["folds"]):
        rows = [row for row in test if dataset.categories[dataset.category[row]] in names]
        ranking = retrieval.rank(heads.unseen(features, fold), dataset.product, dataset.category, np.array(rows, int))
        found += list(ranking.hits[:, 0])
    assert figures["unseen"]["test"]["embedding"]["recall@1"] == pytest.approx(np.mean(found))
    lead = figures["unseen"]["leads"]["recall@1"]["difference"]
    assert lead == pytest.approx(np.mean(found) - figures["unseen"]["test"]["pooled"]["recall@1"])


def test_the_page_shows_both(frozen):
    page = (frozen.report / "report.html").read_text(encoding="utf-8")
    assert "Categories that training has not seen" in page
    assert '<th scope="row">embedding minus pooled features</th>' in page


def test_a_run_from_random_weights_says_why_it_is_not_measured(trained):
    found = json.loads((trained.report / "metrics.json").read_bytes())["unseen"]
    assert "random weights" in found["reason"]
    assert found["test"] is None
    page = (trained.report / "report.html").read_text(encoding="utf-8")
    assert "new to it was not measured: training starts from random weights" in page
