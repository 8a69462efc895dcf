from training.lean import NAME, HalfResNet10
from training.model import EmbeddingNet


def test_it_is_named_and_staged_like_any_backbone():
    model = EmbeddingNet(NAME, 3)
    assert model.width == 384
    assert [name for name, _ in model.stages()] == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]


def test_it_is_a_small_part_of_resnet18():
    count = sum(parameter.numel() for parameter in HalfResNet10().parameters())
    assert count < 2_000_000
