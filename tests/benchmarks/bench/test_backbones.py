"""Tests of `benchmarks.bench.backbones`."""

import numpy as np
import pytest
import torch

from benchmarks.bench.backbones import Measured, features_network, markdown, multiply_adds, probe, report
from benchmarks.figures.table import spread
from training.network.embedding_net import EmbeddingNet

FIGURES = {"int8": 2.0, "float32": 4.0}
TIMES = {"int8": spread([10.0]), "float32": spread([20.0])}


def test_the_work_of_resnet50_is_that_of_its_model_card():
    with torch.device("meta"):
        network = EmbeddingNet("resnet50", 2).eval()
    with torch.device("meta"):
        assert multiply_adds(network) == pytest.approx(4.09e9, rel=0.01)


def test_the_embedding_is_the_direction_of_the_pooled_features():
    network = features_network("tf_efficientnet_lite0", 64)
    assert network is not None
    photo = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pooled = network.features(photo)
        _, embedding = network(photo)
    assert pooled.max() > 0
    torch.testing.assert_close(embedding, pooled / pooled.norm())


def test_a_backbone_without_weights_has_no_features_to_judge():
    assert features_network("resnet10_half", 32) is None


def test_the_probe_separates_what_a_line_separates():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    points = (random.normal(size=(120, 8)) + 3 * np.eye(8)[labels]).astype(np.float32)
    logits = probe(points[::2], labels[::2], points[1::2], 3)
    assert (logits.argmax(axis=1) == labels[1::2]).mean() > 0.9


def test_what_was_not_measured_is_not_a_number():
    known = {kind: {"accuracy": 0.9, "category_precision@4": 0.8, "recall@4": None} for kind in FIGURES}
    measured = [
        Measured(name, 224, 4.1, TIMES, TIMES, FIGURES, "MIT", found) for name, found in (("a", known), ("b", {}))
    ]
    _, _, first, second = markdown(measured)
    assert "| 0.900 / 0.900 | 0.800 / 0.800 | not measured | MIT |" in first
    assert second.count("not measured") == 3
    assert [row.ratio for row in report(measured).rows] == [1, 1, 1, 1]
