import json

import numpy as np
import pytest

from training.dataset import Dataset
from training.evaluate import baseline
from training.evaluate import stage as evaluate
from training.evaluate.baseline import in_words
from training.fit import stage as fit
from training.metrics import retrieval
from training.network.frozen_heads import FrozenHeads
from training.pipeline.work_folder import WorkFolder


@pytest.fixture(scope="module")
def frozen(trained, fit_settings, tmp_path_factory):
    """A run with `--freeze all` from the weights of the `trained` run, evaluated; tests must not change it."""
    work = WorkFolder(tmp_path_factory.mktemp("frozen"))
    work.dataset.symlink_to(trained.dataset)
    fit.run(work, fit_settings.changed(weights=str(trained.weights), freeze="all"))
    evaluate.run(work)
    return work


@pytest.fixture(scope="module")
def figures(frozen):
    return json.loads((frozen.report / "metrics.json").read_bytes())


def test_a_frozen_run_serves_the_heads_of_the_baseline(figures):
    found = figures["baseline"]
    assert (found["reason"], found["kept"]) == (None, "frozen")
    served, heads = found["test"]["served"], found["test"]["heads"]
    for name in baseline.MEASURES:
        assert served[name] == pytest.approx(heads[name], abs=1e-6)
        assert found["leads"][name]["difference"] == pytest.approx(0, abs=1e-6)
    assert served["accuracy"] == figures["test"]["accuracy"]
    assert served["recall@4"] == figures["test"]["retrieval"]["embedding"]["recall@4"]
    assert served["intervals"]["accuracy"] == pytest.approx(figures["test"]["intervals"]["accuracy"])


def test_probe_and_pooled_features_have_their_own_figures(frozen, figures):
    dataset = Dataset.open(frozen.dataset)
    test, features = dataset.rows("test"), np.load(frozen.features)
    probe = FrozenHeads.read(frozen.heads).logits(features[test], probe=True)
    found = figures["baseline"]["test"]
    assert found["probe"]["accuracy"] == pytest.approx(retrieval.accuracy(probe, dataset.category[test]))
    assert found["probe"]["recall@4"] is None
    assert found["pooled"]["accuracy"] is None
    # The backbone is the one that is served, so the ranking by its pooled features is in the report twice.
    expected = figures["test"]["retrieval"]["pooled"]
    for name in ("recall@1", "recall@4", "category_precision@4"):
        assert found["pooled"][name] == pytest.approx(expected[name], abs=1e-6)


def test_the_page_and_the_summary_show_the_baseline(frozen, figures):
    page = (frozen.report / "report.html").read_text(encoding="utf-8")
    assert "Nothing else was trained" in page
    assert '<th scope="row">linear probe</th>' in page
    line = in_words(figures["baseline"])
    assert line.startswith(f"heads on frozen features: accuracy {figures['baseline']['test']['heads']['accuracy']:.3f}")
    assert line.endswith("the release holds the frozen network")


def test_a_run_from_random_weights_says_why_it_has_no_baseline(trained):
    found = json.loads((trained.report / "metrics.json").read_bytes())["baseline"]
    assert found["reason"].startswith("training starts from random weights")
    assert (found["kept"], found["test"], found["leads"]) == ("fine-tuned", None, None)
    assert "There is no baseline on frozen features" in (trained.report / "report.html").read_text(encoding="utf-8")
    assert in_words(found).startswith("no baseline on frozen features: training starts from random weights")


@pytest.mark.parametrize("lost", ["entry", "features"])
def test_a_run_without_its_baseline_is_evaluated_without_it(trained_copy, lost):
    path = trained_copy.fit / "fit.json"
    about = json.loads(path.read_bytes())
    if lost == "entry":
        del about["baseline"]
    else:
        about["baseline"]["reason"] = None
    path.write_text(json.dumps(about))
    assert evaluate.run(trained_copy)
    found = json.loads((trained_copy.report / "metrics.json").read_bytes())["baseline"]
    assert found["reason"] == {
        "entry": "the network was trained by an older version", "features": "the files of frozen were deleted",
    }[lost]  # fmt: skip
