"""Tests of `benchmarks.bench.backbones`."""

import pytest
import torch

from benchmarks.bench.backbones import Measured, markdown, multiply_adds, report
from benchmarks.figures.table import spread
from training.network.embedding_net import EmbeddingNet

FIGURES = {"int8": 2.0, "float32": 4.0}
TIMES = {"int8": spread([10.0]), "float32": spread([20.0])}


def test_the_work_of_resnet50_is_that_of_its_model_card():
    with torch.device("meta"):
        network = EmbeddingNet("resnet50", 2).eval()
    with torch.device("meta"):
        assert multiply_adds(network) == pytest.approx(4.09e9, rel=0.01)


def test_what_was_not_measured_is_not_a_number():
    known = {kind: {"accuracy": 0.9, "category_precision@4": 0.8, "recall@4": None} for kind in FIGURES}
    measured = [
        Measured(name, 224, 4.1, TIMES, TIMES, FIGURES, "MIT", found) for name, found in (("a", known), ("b", {}))
    ]
    _, _, first, second = markdown(measured)
    assert "| 0.900 / 0.900 | 0.800 / 0.800 | not measured | MIT |" in first
    assert second.count("not measured") == 3
    assert [row.ratio for row in report(measured).rows] == [1, 1, 1, 1]
