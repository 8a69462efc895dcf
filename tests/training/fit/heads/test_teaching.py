import math

import pytest
import torch
from torch.nn import functional as F

from training.fit.heads.teaching import TEMPERATURE, Taught, TeachingLoss


@pytest.fixture
def taught():
    generator = torch.Generator().manual_seed(0)
    embedding = F.normalize(torch.randn(4, 8, generator=generator), dim=1)
    return Taught(torch.randn(4, 3, generator=generator), embedding, torch.ones(4, dtype=torch.bool))


def test_a_student_with_the_outputs_of_its_teacher_has_no_loss(taught):
    loss = TeachingLoss(1.0, 1.0)
    assert loss(taught.logits, taught.embedding, taught) == pytest.approx(0, abs=1e-6)
    assert loss(taught.logits + 5, taught.embedding, taught) == pytest.approx(0, abs=1e-6)  # the same predictions


def test_the_terms_are_the_mean_of_one_minus_cosine_and_a_softened_divergence(taught):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4, 3, generator=generator)
    embedding = F.normalize(torch.randn(4, 8, generator=generator), dim=1)
    cosines = [float(torch.dot(embedding[row], taught.embedding[row])) for row in range(4)]
    divergence = 0.0
    for row in range(4):
        expected = [math.exp(value / TEMPERATURE) for value in taught.logits[row].tolist()]
        found = [math.exp(value / TEMPERATURE) for value in logits[row].tolist()]
        for p, q in zip(expected, found, strict=True):
            divergence += p / sum(expected) * math.log(p / sum(expected) / (q / sum(found)))
    assert TeachingLoss(1.0, 0.0)(logits, embedding, taught) == pytest.approx(1 - sum(cosines) / 4, rel=1e-5)
    assert TeachingLoss(0.0, 1.0)(logits, embedding, taught) == pytest.approx(TEMPERATURE**2 * divergence / 4, rel=1e-5)
    both = TeachingLoss(3.0, 2.0)(logits, embedding, taught)
    assert both == pytest.approx(3 * (1 - sum(cosines) / 4) + 2 * TEMPERATURE**2 * divergence / 4, rel=1e-5)


def test_photos_that_show_another_product_count_for_the_category_alone(taught):
    generator = torch.Generator().manual_seed(2)
    given = torch.randn(4, 8, generator=generator, requires_grad=True)
    logits = torch.randn(4, 3, generator=generator, requires_grad=True)
    partly = Taught(taught.logits, taught.embedding, torch.tensor([True, False, False, True]))
    loss = TeachingLoss(1.0, 1.0)(logits, F.normalize(given, dim=1), partly)
    moved, changed = torch.autograd.grad(loss, (given, logits))
    assert [bool(row.abs().sum() > 0) for row in moved] == [True, False, False, True]
    assert bool((changed.abs().sum(dim=1) > 0).all())
    nothing = Taught(taught.logits, taught.embedding, torch.zeros(4, dtype=torch.bool))
    assert TeachingLoss(1.0, 0.0)(logits, F.normalize(given, dim=1), nothing) == 0


def test_a_step_along_the_gradient_brings_the_student_nearer(taught):
    student = torch.nn.Linear(5, 8 + 3)
    images = torch.randn(4, 5, generator=torch.Generator().manual_seed(3))
    optimiser, loss_of, losses = torch.optim.SGD(student.parameters(), lr=0.1), TeachingLoss(1.0, 1.0), []
    for _ in range(20):
        outputs = student(images)
        loss = loss_of(outputs[:, :3], F.normalize(outputs[:, 3:], dim=1), taught)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]


def test_the_loss_reads_no_value_from_the_device(taught):
    """The meta device has no values: an operation that reads one fails there, and would synchronise on a GPU."""
    there = Taught(*(value.to("meta") for value in (taught.logits, taught.embedding, taught.alike)))
    assert TeachingLoss(1.0, 1.0)(there.logits, there.embedding, there).shape == ()
