import pytest
import torch

from training.model import EmbeddingNet
from training.optimisation import averaged, optimiser_of


@pytest.fixture(scope="module")
def model():
    return EmbeddingNet("resnet10_half", 3)


@pytest.mark.parametrize(("kind", "expected"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_the_optimiser_is_of_the_kind_named_and_moves_all_that_learns(model, kind, expected):
    optimiser = optimiser_of(model, kind, lr=0.1, momentum=0.9, weight_decay=0.01)
    assert type(optimiser) is expected
    moved = sum(len(group["params"]) for group in optimiser.param_groups)
    assert moved == len(list(model.parameters()))
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.01, 0.0]


@pytest.mark.parametrize(("decay", "kept"), [(0.99, 2 / 11), (0.1, 0.1)])
def test_the_average_forgets_its_first_steps_sooner_than_its_decay_says(model, decay, kept):
    average = averaged(model, decay)
    for value in (1.0, 2.0):
        with torch.no_grad():
            model.classifier.bias.fill_(value)
        average.update_parameters(model)
    torch.testing.assert_close(average.module.classifier.bias, torch.full((3,), kept * 1.0 + (1 - kept) * 2.0))
