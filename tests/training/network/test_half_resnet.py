import torch

from training.network.embedding_net import EmbeddingNet
from training.network.half_resnet import NAME, HalfResNet10


def test_it_is_named_and_staged_like_any_backbone():
    model = EmbeddingNet(NAME, 3)
    assert model.width == 448
    assert [name for name, _ in model.stages()] == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "neck"]


def test_it_is_a_small_part_of_resnet18():
    count = sum(parameter.numel() for parameter in HalfResNet10().parameters())
    assert count < 2_000_000


def test_its_stages_weigh_alike_in_the_features():
    backbone = EmbeddingNet(NAME, 3).backbone
    with torch.no_grad():
        features = backbone(torch.rand(64, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    spreads = features.std(dim=0, correction=0).split((64, 128, 256))
    assert all(torch.allclose(spread, torch.ones(()), atol=0.1) for spread in spreads)
    assert features.mean(dim=0).abs().max() < 1e-4
