import numpy as np
import pytest
import torch
from torch.nn import functional as F

from training.fit.heads.losses import TrainingLoss, balanced_weights, supervised_contrastive_loss
from training.fit.input.identities import identity_labels

CATEGORIES = torch.tensor([0, 0, 1, 1])
PRODUCTS = torch.tensor([5, 5, 6, 6])


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, generator=generator)
    return logits, F.normalize(torch.randn(4, 8, generator=generator), dim=1)


def test_without_the_metric_term_it_is_smoothed_cross_entropy(batch):
    logits, embedding = batch
    found = TrainingLoss(0.1, 0.0, torch.ones(3))(logits, embedding, CATEGORIES, PRODUCTS)
    torch.testing.assert_close(found, F.cross_entropy(logits, CATEGORIES, label_smoothing=0.1))


def test_a_category_of_double_weight_counts_twice_in_the_mean_over_photos(batch):
    logits, embedding = batch
    found = TrainingLoss(0.1, 0.0, torch.tensor([2.0, 0.5, 1.0]))(logits, embedding, CATEGORIES, PRODUCTS)
    each = F.cross_entropy(logits, CATEGORIES, label_smoothing=0.1, reduction="none")
    torch.testing.assert_close(found, (2 * each[0] + 2 * each[1] + 0.5 * each[2] + 0.5 * each[3]) / 4)


@pytest.mark.parametrize(("balance", "ratio"), [(0.0, 1.0), (0.5, 2.0), (1.0, 4.0)])
def test_rare_categories_get_larger_weights_with_a_mean_of_one_over_photos(balance, ratio):
    categories = np.repeat([0, 2], [8, 2])  # none of category 1
    weights = balanced_weights(categories, 3, balance)
    assert weights.dtype == np.float32
    assert weights[2] / weights[0] == pytest.approx(ratio)
    assert weights[categories].mean() == pytest.approx(1)
    assert weights[1] == 1


def test_the_contrast_and_its_gradient_match_pytorch_metric_learning():
    # Its import takes seconds, which every process would spend at collection.
    from pytorch_metric_learning.losses import (
        SupConLoss,
    )

    given = torch.randn(9, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
    identities = torch.tensor([0, 0, 1, 1, 1, 2, 3, 4, 4])  # two, three, and photos without a partner
    ours = supervised_contrastive_loss(F.normalize(given, dim=1), identities, temperature=0.1)
    theirs = SupConLoss(temperature=0.1)(F.normalize(given, dim=1), identities)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, given), torch.autograd.grad(theirs, given))


def test_the_metric_term_is_the_contrast_of_each_photo_with_its_partner(batch):
    logits, embedding = batch
    found = TrainingLoss(0.0, 2.0, torch.ones(3))(logits, embedding, CATEGORIES, PRODUCTS)
    similar = embedding @ embedding.T / 0.1
    terms = []
    for i, partner in enumerate([1, 0, 3, 2]):
        others = torch.stack([similar[i, j] for j in range(4) if j != i])
        terms.append(torch.logsumexp(others, 0) - similar[i, partner])
    torch.testing.assert_close(found, F.cross_entropy(logits, CATEGORIES) + 2.0 * torch.stack(terms).mean())


def test_photos_without_a_partner_leave_the_loss_finite(batch):
    logits, embedding = batch
    found = TrainingLoss(0.1, 1.0, torch.ones(3))(logits, embedding, CATEGORIES, torch.arange(4))
    assert torch.isfinite(found)


def test_the_identity_is_the_product_if_one_has_two_photos():
    products, categories = np.array([0, 1, 1]), np.array([0, 0, 1])
    found = identity_labels(products, categories)
    assert found.kind == "product"
    assert found.labels is products


def test_the_identity_is_the_category_if_no_product_has_two_photos():
    products, categories = np.array([0, 1, 2]), np.array([0, 0, 1])
    found = identity_labels(products, categories)
    assert found.kind == "category"
    assert found.labels is categories


def test_the_loss_reads_no_value_from_the_device(batch):
    """The meta device has no values: an operation that reads one fails there, and would synchronise on a GPU."""
    loss = TrainingLoss(0.1, 0.5, torch.ones(3)).to("meta")
    assert loss(*(given.to("meta") for given in (*batch, CATEGORIES, PRODUCTS))).shape == ()
