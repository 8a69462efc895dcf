"""Cached outputs are used only for the dataset and the network that they belong to."""

import json
import shutil

import numpy as np
import pytest
import torch

from training.dataset import Dataset
from training.fit import features
from training.fit import stage as fit
from training.network.cached import ServedOutputs, features_of_kept
from training.pipeline.work_folder import WorkFolder


@pytest.fixture(scope="module")
def finished(trained, fit_settings, tmp_path_factory):
    """A run with heads on frozen features; tests must not change it."""
    work = WorkFolder(tmp_path_factory.mktemp("frozen") / "work")
    shutil.copytree(trained.dataset, work.dataset)
    fit.run(work, fit_settings.changed(weights=str(trained.weights), freeze="all"))
    return work


@pytest.fixture
def frozen(finished, tmp_path):
    return WorkFolder(shutil.copytree(finished.root, tmp_path / "work"))


def changed(path, **values):
    path.write_text(json.dumps(json.loads(path.read_bytes()) | values))


def test_the_features_of_a_frozen_run_are_those_of_its_network(frozen, small_dataset):
    found = features_of_kept(frozen, small_dataset)
    assert found is not None
    np.testing.assert_array_equal(found, np.load(frozen.features))
    assert len(found) == len(small_dataset.photos)


def test_features_of_another_dataset_are_not_used(frozen):
    changed(frozen.dataset / "summary.json", training_digest="0" * 64)
    assert features_of_kept(frozen, Dataset.open(frozen.dataset)) is None


def test_features_of_other_starting_weights_are_not_used(frozen, fit_settings, trained, small_dataset, tmp_path):
    """They were computed again, and the run ended before it trained on them."""
    other = tmp_path / "other.safetensors"
    shutil.copyfile(frozen.weights, other)
    assert features_of_kept(frozen, small_dataset) is not None
    features.run(frozen, small_dataset, fit_settings.changed(weights=str(other), freeze="all"), torch.device("cpu"))
    assert features_of_kept(frozen, small_dataset) is None


def test_features_are_not_used_while_the_network_is_trained_again(frozen, small_dataset):
    (frozen.root / "stages" / "fit.json").unlink()
    assert features_of_kept(frozen, small_dataset) is None


def test_features_are_not_used_for_a_network_that_was_fine_tuned(frozen, small_dataset):
    about = json.loads((frozen.fit / "fit.json").read_bytes())
    changed(frozen.fit / "fit.json", baseline=about["baseline"] | {"kept": "fine-tuned"})
    assert features_of_kept(frozen, small_dataset) is None


def test_a_run_without_features_has_none(trained, small_dataset):
    assert features_of_kept(trained, small_dataset) is None


@pytest.mark.parametrize("content", [None, b"", b"nothing"])
def test_features_that_cannot_be_read_are_not_used(frozen, small_dataset, content):
    frozen.features.unlink()
    if content is not None:
        frozen.features.write_bytes(content)
    assert features_of_kept(frozen, small_dataset) is None


@pytest.fixture
def outputs():
    rng = np.random.default_rng(0)
    return ServedOutputs(np.array([1, 5, 8]), rng.random((3, 4), np.float32), rng.random((3, 6), np.float32))


def test_outputs_of_a_model_are_read_back(outputs, small_dataset, tmp_path):
    outputs.write(tmp_path / "gate.npz", "a" * 64, small_dataset)
    found = ServedOutputs.read(tmp_path / "gate.npz", "a" * 64, small_dataset)
    assert found is not None
    for name in ("rows", "logits", "embedding"):
        np.testing.assert_array_equal(getattr(found, name), getattr(outputs, name))
    assert [path.name for path in tmp_path.iterdir()] == ["gate.npz"]


def test_outputs_of_another_model_or_dataset_are_not_used(outputs, small_dataset, frozen, tmp_path):
    outputs.write(tmp_path / "gate.npz", "a" * 64, small_dataset)
    assert ServedOutputs.read(tmp_path / "gate.npz", "b" * 64, small_dataset) is None
    changed(frozen.dataset / "summary.json", training_digest="0" * 64)
    assert ServedOutputs.read(tmp_path / "gate.npz", "a" * 64, Dataset.open(frozen.dataset)) is None


@pytest.mark.parametrize("content", [None, b"", b"PK broken"])
def test_a_file_that_cannot_be_read_gives_no_outputs(small_dataset, tmp_path, content):
    if content is not None:
        (tmp_path / "gate.npz").write_bytes(content)
    assert ServedOutputs.read(tmp_path / "gate.npz", "a" * 64, small_dataset) is None
