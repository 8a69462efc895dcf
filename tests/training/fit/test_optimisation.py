import pytest
import torch

from training.fit.optimisation import EmaWeights, make_optimiser, set_rate
from training.network.embedding_net import EmbeddingNet


@pytest.fixture(scope="module")
def model():
    return EmbeddingNet("resnet10_half", 3)


@pytest.mark.parametrize(
    ("kind", "expected", "decay"), [("sgd", torch.optim.SGD, 2**-15), ("adamw", torch.optim.AdamW, 0.05)]
)
def test_the_optimiser_has_the_given_kind_and_all_trainable_parameters(model, kind, expected, decay):
    optimiser = make_optimiser(model, kind, lr=0.1)
    assert type(optimiser) is expected
    moved = sum(len(group["params"]) for group in optimiser.param_groups)
    assert moved == len(list(model.parameters()))
    assert [group["weight_decay"] for group in optimiser.param_groups] == [decay, 0.0] * 2  # backbone, heads


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_optimiser_is_fused_and_has_the_momentum_of_its_kind(model, kind):
    settings = make_optimiser(model, kind, lr=0.1).defaults
    assert settings["fused"]
    assert settings["betas"] == (0.9, 0.999) if kind == "adamw" else settings["momentum"] == 0.875


def test_an_average_resumes_from_its_state():
    model, twin = EmbeddingNet("resnet10_half", 3), EmbeddingNet("resnet10_half", 3)
    first, later = EmaWeights(model, 0.9), EmaWeights(twin, 0.9)
    first.update()
    first.update()
    later.load_state_dict(first.state_dict())
    twin.load_state_dict(model.state_dict())
    for ema in (first, later):
        ema.update()
    assert later.steps == first.steps == 3
    expected = first.module.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in later.module.state_dict().items())


def test_an_average_also_averages_statistics_and_copies_counts():
    model = EmbeddingNet("resnet10_half", 3)
    ema = EmaWeights(model, 0.5)
    ema.update()
    buffers = dict(model.backbone.named_buffers())
    buffers["bn1.running_mean"].fill_(8.0)
    buffers["bn1.num_batches_tracked"].fill_(8)
    ema.update()
    averaged = dict(ema.module.backbone.named_buffers())
    mean = averaged["bn1.running_mean"]
    torch.testing.assert_close(mean, torch.full_like(mean, 8 * (1 - 2 / 11)))
    assert averaged["bn1.num_batches_tracked"] == 8
    assert not any(parameter.requires_grad for parameter in ema.module.parameters())


@pytest.mark.parametrize(("decay", "kept"), [(0.99, 2 / 11), (0.1, 0.1)])
def test_the_average_uses_a_smaller_decay_in_its_first_steps(model, decay, kept):
    ema = EmaWeights(model, decay)
    for value in (1.0, 2.0):
        with torch.no_grad():
            model.classifier.bias.fill_(value)
        ema.update()
    torch.testing.assert_close(ema.module.classifier.bias, torch.full((3,), kept * 1.0 + (1 - kept) * 2.0))


def test_the_backbone_learns_at_its_share_of_the_rate(model):
    optimiser = make_optimiser(model, "adamw", lr=0.1, backbone_lr=0.25)
    assert [group["lr"] for group in optimiser.param_groups] == [0.025, 0.025, 0.1, 0.1]
    set_rate(optimiser, 0.04)
    assert [group["lr"] for group in optimiser.param_groups] == [0.01, 0.01, 0.04, 0.04]
    heads = {id(parameter) for head in (model.classifier, model.embedding) for parameter in head.parameters()}
    assert {id(parameter) for group in optimiser.param_groups[2:] for parameter in group["params"]} == heads
