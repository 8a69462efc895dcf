"""Tests of `benchmarks.bench.frozen_features`."""

import numpy as np
import torch

from benchmarks.bench.frozen_features import features_network, probe


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
