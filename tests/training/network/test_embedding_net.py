import pytest
import torch

from training.errors import WeightsError
from training.network.embedding_net import EmbeddingNet, device_of, parameter_groups


@pytest.mark.parametrize(
    ("name", "head", "width"),
    [
        ("resnet18", "fc", 512),
        ("shufflenet_v2_x0_5", "fc", 1024),
        ("mobilenet_v3_small", "classifier.3", 1024),
        ("efficientnet_b0", "classifier.1", 1280),
        ("regnet_y_400mf", "fc", 440),
        ("mnasnet0_5", "classifier.1", 1280),
        ("timm/resnet18", "fc", 512),
        ("mobilenetv4_conv_small", "classifier", 1280),
        ("tf_efficientnet_lite0", "classifier", 1280),
        ("convnext_atto", "head.fc", 320),
    ],
)
def test_any_classification_backbone_gives_logits_and_unit_embeddings(name, head, width):
    model = EmbeddingNet(name, classes=7).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pooled = model.features(images)
        logits, embedding = model(images)
        expected = model.classifier(pooled)
    assert (model.dropped, model.width) == ((f"{head}.",), width)
    assert pooled.shape == (2, width)
    assert logits.shape == (2, 7)
    assert embedding.shape == (2, 256)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("name", ["resnet5", "timm/nothing", ""])
def test_an_unknown_backbone_is_refused_with_a_list_of_others(name):
    with pytest.raises(WeightsError, match=rf"no backbone '{name}'; try resnet50, resnet18"):
        EmbeddingNet(name, classes=3)


def test_a_backbone_without_a_linear_classifier_is_refused():
    with pytest.raises(WeightsError, match="squeezenet1_0 does not end in a linear classifier"):
        EmbeddingNet("squeezenet1_0", classes=3)


def test_frozen_stages_change_neither_weights_nor_statistics():
    model = EmbeddingNet("resnet18", classes=3)
    model.freeze("layer3")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    logits, embedding = model(torch.randn(4, 3, 32, 32))
    (logits.logsumexp(1).sum() + embedding.sum()).backward()
    optimiser.step()
    changed = {key.removeprefix("backbone.").split(".")[0] for key, value in model.state_dict().items()
               if not torch.equal(value, before[key])}  # fmt: skip
    assert changed == {"layer4", "classifier", "embedding"}


def test_frozen_stages_store_no_activations_for_gradients():
    model = EmbeddingNet("resnet18", classes=3)
    model.freeze("layer3")
    kept: list[torch.Tensor] = []
    kept_until = {}

    def keep(value):
        kept.append(value)
        return value

    def note(name):
        return lambda module, given, answer: kept_until.update({name: (len(kept), answer.requires_grad)})

    for name, stage in model.stages():
        stage.register_forward_hook(note(name))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        model(torch.randn(2, 3, 32, 32))
    assert kept_until["layer3"] == (0, False)
    assert kept_until["layer4"][0] > 10
    assert kept_until["layer4"][1]


def test_frozen_batch_norm_stays_in_evaluation_mode():
    model = EmbeddingNet("resnet18", classes=3)
    model.freeze("layer3")
    model.eval()
    model.train()
    modes = {name: stage.training for name, stage in model.stages()}
    assert modes == {"conv1": False, "bn1": False, "layer1": False, "layer2": False, "layer3": False, "layer4": True}


def test_freezing_none_unfreezes_every_stage():
    model = EmbeddingNet("resnet18", classes=3)
    model.freeze("layer4")
    model.freeze("none")
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(module.training for module in model.modules())


def test_freezing_all_leaves_the_heads():
    model = EmbeddingNet("resnet18", classes=3)
    model.freeze("all")
    trained = {name.partition(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {"classifier", "embedding"}


def test_fixed_norm_keeps_the_statistics_of_stages_that_learn():
    model = EmbeddingNet("resnet18", classes=3)
    model.freeze("none", fixed_norm=True)
    model.train()
    before = {name: value.clone() for name, value in model.backbone.named_buffers()}
    model(torch.randn(4, 3, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in model.backbone.named_buffers())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_stages_are_listed_from_the_stem_on():
    assert [name for name, _ in EmbeddingNet("resnet18", 3).stages()] == [
        "conv1", "bn1", "layer1", "layer2", "layer3", "layer4",
    ]  # fmt: skip
    assert next(name for name, _ in EmbeddingNet("mobilenet_v3_small", 3).stages()) == "features.0"


def test_a_transformer_takes_photos_of_the_size_for_which_it_is_built():
    model = EmbeddingNet("vit_tiny_patch16_224", classes=3, size=64).eval()
    with torch.no_grad():
        logits, embedding = model(torch.zeros(2, 3, 64, 64))
    assert (model.size, logits.shape, embedding.shape) == (64, (2, 3), (2, 256))
    assert EmbeddingNet("test_vit", classes=3).size == 160


def test_a_size_that_is_no_multiple_of_the_patches_is_refused():
    with pytest.raises(WeightsError, match="test_vit takes photos whose side is a multiple of 16 pixels, not 100"):
        EmbeddingNet("test_vit", classes=3, size=100)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("test_vit", "patch_embed", "norm"),
        ("mobilenetv4_conv_small", "conv_stem", "norm_head"),
        ("tf_efficientnet_lite0", "conv_stem", "bn2"),
        ("convnext_atto", "stem", "head"),
    ],
)
def test_networks_of_timm_have_stages_and_can_be_frozen(name, first, last):
    model = EmbeddingNet(name, classes=3)
    stages = [stage for stage, _ in model.stages()]
    assert (stages[0], stages[-1]) == (first, last)
    assert any(stage in ("blocks.1", "stages.1") for stage in stages)
    model.freeze(last)
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    model.freeze("none")
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_frozen_stem_keeps_the_positions_and_the_class_token_of_a_transformer():
    model = EmbeddingNet("test_vit", classes=3)
    model.freeze("patch_embed")
    frozen = {name for name, parameter in model.backbone.named_parameters() if not parameter.requires_grad}
    assert frozen == {"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"}


def test_freezing_an_unknown_stage_is_an_error_with_the_known_ones():
    with pytest.raises(WeightsError, match=r"resnet18 has no stage 'layer9' to freeze; its stages are conv1, bn1"):
        EmbeddingNet("resnet18", 3).freeze("layer9")


def test_weight_decay_applies_only_to_matrices_and_kernels():
    model = EmbeddingNet("shufflenet_v2_x0_5", 3)
    model.freeze("stage3")
    decayed, kept = parameter_groups(model, 0.1)
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.1, 0.0)
    assert isinstance(decayed["params"], list)
    assert isinstance(kept["params"], list)
    assert all(parameter.ndim > 1 for parameter in decayed["params"])
    assert len(decayed["params"]) + len(kept["params"]) == sum(p.requires_grad for p in model.parameters())


def test_the_device_is_the_device_of_the_parameters():
    assert device_of(EmbeddingNet("shufflenet_v2_x0_5", 3)) == torch.device("cpu")
