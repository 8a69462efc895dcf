import logging

import numpy as np
import pytest
import torch

from lambda_app.model.session import Model, ModelOutput
from lambda_app.search.vectors import unit
from training.errors import TrainingError
from training.index import bulk
from training.index.stage import embed
from training.index.ways import Way, served

CPU = torch.device("cpu")


@pytest.fixture
def float32(trained, small_dataset):
    return served(Model(trained.float32), small_dataset, trained.float32, "float32")


def turned(way):
    """A way whose embeddings are other ones."""

    def outputs(rows):
        found = way.outputs(rows)
        return ModelOutput(found.logits, unit(np.roll(found.embedding, 1, axis=1)))

    return Way("served", "float32", "cpu", outputs, way.classes, way.dim, way.batch, None)


def test_torch_embeds_if_it_agrees(trained, small_dataset, float32):
    chosen = bulk.choose(trained, small_dataset, float32, "torch", CPU)
    assert (chosen.about["way"], chosen.about["precision"], chosen.about["refused"]) == ("torch", "float32", [])
    assert chosen.about["parity"]["lowest_cosine"] >= 0.999


def test_a_way_that_fails_the_gate_is_not_used_and_one_line_says_so(trained, small_dataset, float32, caplog):
    other = turned(float32)
    with caplog.at_level(logging.INFO):
        chosen = bulk.choose(trained, small_dataset, other, "torch", CPU)
    assert chosen.way is other
    assert (chosen.about["way"], chosen.about["parity"]) == ("served", None)
    (refused,) = chosen.about["refused"]
    assert "the limit is 0.999" in refused["reason"]
    (line,) = [record.getMessage() for record in caplog.records if record.name == bulk.__name__]
    assert line.startswith("index: embeds by the served model on the CPU; not by torch on cpu in float32: the lowest")


def test_features_that_are_not_there_leave_the_served_model(trained, small_dataset, float32):
    chosen = bulk.choose(trained, small_dataset, float32, "features", CPU)
    assert chosen.way is float32
    assert [entry["reason"] for entry in chosen.about["refused"]] == [
        "there are no cached features of this network for this dataset"
    ]


def test_on_a_cpu_without_features_the_served_model_embeds(trained, small_dataset, float32):
    chosen = bulk.choose(trained, small_dataset, float32, "auto", CPU)
    assert chosen.way is float32
    assert chosen.about["refused"] == []


def failing(*_, **__):
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB\nSet CUDA_LAUNCH_BLOCKING=1")


def test_a_device_that_fails_in_the_comparison_leaves_the_served_model(trained, small_dataset, float32, monkeypatch):
    broken = Way("torch", "float32", "cpu", failing, float32.classes, float32.dim, float32.batch, None)
    monkeypatch.setattr(bulk, "in_torch", lambda *_, **__: broken)
    chosen = bulk.choose(trained, small_dataset, float32, "torch", CPU)
    assert chosen.way is float32
    (refused,) = chosen.about["refused"]
    assert refused["reason"] == "it fails: CUDA out of memory. Tried to allocate 2.00 GiB"


def test_a_network_that_does_not_fit_the_device_leaves_the_served_model(trained, small_dataset, float32, monkeypatch):
    monkeypatch.setattr(bulk, "in_torch", failing)
    chosen = bulk.choose(trained, small_dataset, float32, "torch", torch.device("cuda"))
    assert chosen.way is float32
    assert [entry["reason"] for entry in chosen.about["refused"]] == [
        "it fails: CUDA out of memory. Tried to allocate 2.00 GiB"
    ] * 2


def test_a_device_that_fails_later_is_an_error_that_names_the_row_and_the_way_out(small_dataset, tmp_path):
    broken = Way("torch", "bfloat16", "cuda", failing, 3, 4, 8, None)
    with pytest.raises(
        TrainingError, match=r"(?s)torch on cuda in bfloat16 failed at row 0: .*; run again .* bulk=served"
    ):
        embed(broken, small_dataset, tmp_path, "identity")
    ready = Way("torch", "bfloat16", "cuda", zeros, 3, 4, 8, None)
    assert embed(ready, small_dataset, tmp_path, "identity") is not None


def zeros(rows):
    count = rows.stop - rows.start
    return ModelOutput(np.zeros((count, 3), np.float32), np.zeros((count, 4), np.float32))
