import numpy as np
import pytest
import torch
from torch.nn import functional as F

from training.losses import TrainingLoss, identity_labels

CATEGORIES = torch.tensor([0, 0, 1, 1])
PRODUCTS = torch.tensor([5, 5, 6, 6])


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, generator=generator)
    return logits, F.normalize(torch.randn(4, 8, generator=generator), dim=1)


def test_without_the_metric_term_it_is_smoothed_cross_entropy(batch):
    logits, embedding = batch
    found = TrainingLoss(smoothing=0.1, metric_weight=0)(logits, embedding, CATEGORIES, PRODUCTS)
    torch.testing.assert_close(found, F.cross_entropy(logits, CATEGORIES, label_smoothing=0.1))


def test_the_metric_term_is_the_contrast_of_each_photo_with_its_partner(batch):
    logits, embedding = batch
    found = TrainingLoss(smoothing=0.0, metric_weight=2.0, temperature=0.1)(logits, embedding, CATEGORIES, PRODUCTS)
    similar = embedding @ embedding.T / 0.1
    terms = []
    for i, partner in enumerate([1, 0, 3, 2]):
        others = torch.stack([similar[i, j] for j in range(4) if j != i])
        terms.append(torch.logsumexp(others, 0) - similar[i, partner])
    torch.testing.assert_close(found, F.cross_entropy(logits, CATEGORIES) + 2.0 * torch.stack(terms).mean())


def test_photos_without_a_partner_leave_the_loss_finite(batch):
    logits, embedding = batch
    found = TrainingLoss(smoothing=0.1, metric_weight=1.0)(logits, embedding, CATEGORIES, torch.arange(4))
    assert torch.isfinite(found)


def test_products_are_told_apart_where_one_has_two_photos():
    products, categories = np.array([0, 1, 1]), np.array([0, 0, 1])
    found = identity_labels(products, categories)
    assert found.kind == "product"
    assert found.labels is products


def test_categories_are_told_apart_where_no_product_has_two_photos():
    products, categories = np.array([0, 1, 2]), np.array([0, 0, 1])
    found = identity_labels(products, categories)
    assert found.kind == "category"
    assert found.labels is categories
