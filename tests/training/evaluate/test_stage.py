import importlib.metadata
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lambda_app.search.vectors import unit
from training.evaluate import stage as evaluate
from training.evaluate.report.rendering import appearance
from training.metrics import calibration, retrieval
from training.network.forward import forward_rows
from training.network.weights import load_weights
from training.pipeline.code_digest import code_digest
from training.pipeline.stages import digest_of


@pytest.fixture(scope="module")
def figures(trained):
    return json.loads((trained.report / "metrics.json").read_bytes())


def test_the_report_has_the_figures_listed_in_the_design(figures, small_dataset):
    test = figures["test"]
    assert test["n"] == len(small_dataset.rows("test"))
    assert set(test) >= {"n", "accuracy", "top3", "macro_f1", "ece", "retrieval", "per_category", "confusion"}
    assert set(test["retrieval"]) == {"embedding", "logits", "pooled"}
    for entry in test["retrieval"].values():
        assert set(entry) >= {"n", "recall@1", "recall@4", "recall@10", "category_precision@4", "map@r"}
    ranking = figures["ranking"]
    assert set(ranking) == {"category_weight", "validation", "test", "gains"}
    assert set(ranking["test"]) == set(test["retrieval"]["embedding"])
    assert set(ranking["validation"]) == {"n", "weights"}
    assert figures["dataset"] == small_dataset.digest
    assert figures["versions"].keys() >= {"python", "torch", "numpy"}


def test_the_figures_are_those_of_the_exported_weights_on_the_test_split(trained, figures, small_dataset):
    model, _ = load_weights(trained.weights)
    model.to(memory_format=torch.channels_last)
    found = forward_rows(model, small_dataset, np.arange(len(small_dataset.photos)), 64)
    test, labels = small_dataset.rows("test"), small_dataset.category
    assert figures["test"]["accuracy"] == pytest.approx(retrieval.accuracy(found.logits[test], labels[test]))
    for name, vectors in (
        ("embedding", found.embedding),
        ("logits", unit(found.logits)),
        ("pooled", unit(found.pooled)),
    ):
        expected = retrieval.retrieval(vectors, small_dataset.product, labels, test)
        entry = figures["test"]["retrieval"][name]
        assert {key: entry[key] for key in expected} == pytest.approx(expected, abs=1e-6)
    validation = small_dataset.rows("validation")
    temperature = calibration.fit_temperature(found.logits[validation], labels[validation])
    assert figures["temperature"] == pytest.approx(temperature, rel=1e-3)


def test_charts_and_page_are_in_the_folder_of_the_figures(trained):
    names = {path.name for path in trained.report.iterdir()}
    assert names >= {
        "metrics.json",
        "report.html",
        "confusion.png",
        "per_category.png",
        "learning_rate.png",
        "loss.png",
        "reliability.png",
        "retrieval.png",
    }


def test_a_run_without_changes_does_nothing(trained):
    before = (trained.report / "metrics.json").stat().st_mtime_ns
    evaluate.main(["--out", str(trained.root)])
    assert (trained.report / "metrics.json").stat().st_mtime_ns == before


def test_a_page_from_other_templates_is_rendered_again(trained_copy):
    stamp, page = trained_copy.root / "stages" / "evaluate.json", trained_copy.report / "report.html"
    stamped = json.loads(stamp.read_bytes())
    code = code_digest(Path(evaluate.__file__))
    done_with = {"stage": "evaluate", "version": importlib.metadata.version("lookalike"), "code": code}
    assert stamped["digest"] == digest_of(done_with | stamped["inputs"])
    assert stamped["inputs"]["appearance"] == appearance()
    # As after a run with other templates.
    others = stamped["inputs"] | {"appearance": "0" * 64}
    stamp.write_text(json.dumps({"digest": digest_of(done_with | others), "seconds": 1.0, "inputs": others}))
    page.write_text("made with other templates")
    evaluate.main(["--out", str(trained_copy.root)])
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_no_intermediate_file_is_left(trained):
    assert not [path for path in trained.root.iterdir() if path.name.startswith(".")]
