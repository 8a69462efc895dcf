import torch

from training.network.embedding_net import EmbeddingNet
from training.network.half_resnet import NAME, HalfResNet10


def test_the_half_resnet_has_a_name_and_stages_like_any_backbone():
    model = EmbeddingNet(NAME, 3)
    assert model.width == 448
    assert [name for name, _ in model.stages()] == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "neck"]


def test_the_half_resnet_is_much_smaller_than_resnet18():
    count = sum(parameter.numel() for parameter in HalfResNet10().parameters())
    assert count < 2_000_000


def test_all_stages_contribute_features_of_the_same_scale():
    backbone = EmbeddingNet(NAME, 3).backbone
    with torch.no_grad():
        features = backbone(torch.rand(64, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    spreads = features.std(dim=0, correction=0).split((64, 128, 256))
    assert all(torch.allclose(spread, torch.ones(()), atol=0.1) for spread in spreads)
    assert features.mean(dim=0).abs().max() < 1e-4
