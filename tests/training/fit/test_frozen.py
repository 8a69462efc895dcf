"""The frozen road, and what is kept beside it. The starting weights are those of the `trained` run."""

import json
import logging

import numpy as np
import pytest
import torch

from lambda_app.release.manifest import sha256_of
from training.dataset import Dataset
from training.errors import DivergedError, WeightsError
from training.fit import frozen
from training.fit import stage as fit
from training.fit.features import MOST_MIRRORED
from training.fit.frozen import Baseline
from training.fit.validation import score, validate
from training.network.embedding_net import EmbeddingNet
from training.network.forward import forward_rows
from training.network.frozen_heads import FrozenHeads
from training.network.weights import load_weights, starting_network
from training.pipeline.work_folder import WorkFolder
from training.pipeline.world import SINGLE_PROCESS

CPU = torch.device("cpu")


@pytest.fixture
def work(trained, tmp_path):
    """A work folder that has only the small dataset."""
    work = WorkFolder(tmp_path / "work")
    work.root.mkdir()
    work.dataset.symlink_to(trained.dataset)
    return work


@pytest.fixture
def pretrained(trained, fit_settings):
    return fit_settings.changed(weights=str(trained.weights))


def about(work):
    return json.loads((work.fit / "fit.json").read_bytes())


def test_features_are_cached_for_all_photos_and_for_mirrored_training_photos(work, pretrained, small_dataset):
    frozen.run(work, small_dataset, pretrained, CPU)
    model = starting_network("resnet10_half", pretrained.weights, small_dataset.categories, 32)
    rows = np.arange(len(small_dataset.photos))
    np.testing.assert_allclose(np.load(work.features), forward_rows(model, small_dataset, rows, 64).pooled, atol=1e-4)
    train = small_dataset.rows("train")
    assert np.load(work.mirrored).shape == (len(train), model.width)
    assert len(train) <= MOST_MIRRORED
    assert {path.name for path in work.frozen.iterdir()} == {
        "features.npy", "mirrored.npy", "heads.safetensors", "frozen.json",
    }  # fmt: skip


def test_a_rerun_uses_the_cached_features_and_other_settings_only_train_the_heads(
    work, pretrained, small_dataset, caplog
):
    frozen.run(work, small_dataset, pretrained, CPU)
    caplog.clear()  # another test may have left the level at INFO
    with caplog.at_level(logging.INFO):
        frozen.run(work, small_dataset, pretrained, CPU)
        frozen.run(work, small_dataset, pretrained.changed(seed=1), CPU)
    lines = [record.message for record in caplog.records if record.name == "training.pipeline.stages"]
    assert lines[:3] == ["features: unchanged", "heads: unchanged", "features: unchanged"]
    assert lines[3].startswith("heads: done")


def test_other_weights_have_other_features(work, pretrained, small_dataset, tmp_path):
    frozen.run(work, small_dataset, pretrained, CPU)
    before = sha256_of(work.features)
    other = tmp_path / "other.pt"
    torch.manual_seed(3)
    torch.save(EmbeddingNet("resnet10_half", 13).backbone.state_dict(), other)
    frozen.run(work, small_dataset, pretrained.changed(weights=str(other)), CPU)
    assert sha256_of(work.features) != before


def test_freezing_all_keeps_the_starting_backbone_with_trained_heads(work, pretrained, capsys):
    assert fit.run(work, pretrained.changed(freeze="all"))
    start, _ = load_weights(WorkFolder(work.dataset.resolve().parent).weights)
    kept, categories = load_weights(work.weights)
    state, before = kept.backbone.state_dict(), start.backbone.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in state.items())
    assert not torch.equal(kept.classifier.weight, start.classifier.weight)
    assert len(categories) == 13
    found = about(work)
    assert (found["best_epoch"], found["epochs"], found["baseline"]["kept"]) == (0, 0, "frozen")
    assert json.loads((work.fit / "history.json").read_bytes()) == []
    dataset = Dataset.open(work.dataset)
    figures = validate(kept, dataset, 64, SINGLE_PROCESS)
    assert found["baseline"]["heads"] == pytest.approx(figures, abs=1e-4)
    assert found["baseline"]["scores"] == {"frozen": pytest.approx(score(figures), abs=1e-4), "fine_tuned": None}
    assert "epoch=0 val_loss=" in capsys.readouterr().out
    assert not fit.run(work, pretrained.changed(freeze="all"))


def test_fine_tuning_that_ruins_the_network_is_not_kept(work, pretrained):
    fit.run(work, pretrained.changed(optimiser="sgd", lr=5.0, warmup=0.0, ema=0.0, fixed_norm=False))
    found = about(work)["baseline"]
    assert found["kept"] == "frozen"
    assert found["scores"]["fine_tuned"] <= found["scores"]["frozen"]
    assert about(work)["best_epoch"] == 0
    kept, _ = load_weights(work.weights)
    heads = FrozenHeads.read(work.heads)
    assert torch.equal(kept.embedding.weight, heads.state["embedding.weight"])


def test_fine_tuning_whose_loss_is_not_finite_leaves_the_frozen_heads(work, pretrained, caplog):
    fit.run(work, pretrained.changed(optimiser="sgd", lr=1e30, warmup=0.0))

    found = about(work)["baseline"]
    assert found["kept"] == "frozen"
    assert found["diverged"].startswith("the loss is nan in epoch 1, batch ")
    assert "the heads on frozen features is kept" in caplog.text
    kept, _ = load_weights(work.weights)
    assert torch.equal(kept.embedding.weight, FrozenHeads.read(work.heads).state["embedding.weight"])


def test_without_frozen_heads_a_loss_that_is_not_finite_is_an_error(work, pretrained):
    with pytest.raises(DivergedError, match="the loss is nan in epoch 1"):
        fit.run(work, pretrained.changed(optimiser="sgd", lr=1e30, warmup=0.0, baseline=False))
    assert not work.weights.exists()


def test_fine_tuning_starts_from_the_heads(work, pretrained):
    """At a learning rate of 0, an epoch leaves the network on which the baseline was measured."""
    fit.run(work, pretrained.changed(lr=0.0, pooled_share=0.0))

    scores = about(work)["baseline"]["scores"]
    assert scores["fine_tuned"] == pytest.approx(scores["frozen"], abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"weights": "none"}, "training starts from random weights"), ({"baseline": False}, "it is switched off")],
)
def test_a_run_without_a_baseline_says_why(work, pretrained, changes, told):
    fit.run(work, pretrained.changed(**changes))
    found = about(work)["baseline"]
    assert told in found["reason"]
    assert found["kept"] == "fine-tuned"
    assert not work.frozen.exists()


def test_zero_epochs_keep_the_initial_network_and_show_the_baseline(work, pretrained, trained):
    fit.run(work, pretrained.changed(epochs=0))
    assert about(work)["baseline"]["kept"] == "initial"
    assert about(work)["baseline"]["scores"]["frozen"] is not None
    kept, before = load_weights(work.weights)[0], load_weights(trained.weights)[0]
    assert torch.equal(kept.classifier.weight, before.classifier.weight)


@pytest.mark.parametrize(("best", "kept"), [(0.7, True), (0.8, True), (0.9, False), (None, False)])
def test_the_baseline_is_kept_unless_fine_tuning_is_better(best, kept):
    figures: dict[str, float | None] = {"val_loss": 1.0, "val_accuracy": 0.9, "val_recall4": 0.7}
    assert Baseline(FrozenHeads({}), figures, figures).is_as_good_as(best) == kept


def test_missing_weights_are_named(work, fit_settings):
    with pytest.raises(WeightsError, match=r"--weights gone\.pt: no such file"):
        fit.run(work, fit_settings.changed(weights="gone.pt", freeze="all"))


def test_the_embedding_keeps_pooled_features_and_the_old_one_is_a_setting_away(work, pretrained, small_dataset):
    blended = frozen.run(work, small_dataset, pretrained, CPU)
    trained = frozen.run(work, small_dataset, pretrained.changed(pooled_share=0), CPU)
    assert blended is not None
    assert trained is not None
    assert blended.pooled["pooled_share"] > 0 == trained.pooled["pooled_share"]
    assert not torch.equal(blended.heads.state["embedding.weight"], trained.heads.state["embedding.weight"])
    assert torch.equal(blended.heads.state["classifier.weight"], trained.heads.state["classifier.weight"])


def test_fine_tuning_ends_with_pooled_features_in_the_embedding(work, pretrained, small_dataset):
    fit.run(work, pretrained.changed(baseline=False))
    model = load_weights(work.weights)[0]
    assert about(work)["pooled"]["pooled_share"] > 0
    fit.run(work, pretrained.changed(baseline=False, pooled_share=0))
    plain = load_weights(work.weights)[0]
    assert about(work)["pooled"] == {"pooled_share": 0.0, "validation": []}
    # The same training gives the same backbone; only the embedding differs.
    assert torch.equal(model.classifier.weight, plain.classifier.weight)
    assert not torch.equal(model.embedding.weight, plain.embedding.weight)
    rows = small_dataset.rows("train")
    assert len(forward_rows(model, small_dataset, rows, 64).embedding) == len(rows)
