import numpy as np
import pytest
import torch

from training.fit.heads.train import HeadRecipe, TrainingFeatures
from training.fit.heads.unseen import FOLDS, deal, missing_because, train_folds

CPU = torch.device("cpu")
PRODUCTS = np.repeat(np.arange(60), 2)


def data(classes):
    features = np.random.default_rng(0).normal(size=(60, 16))[PRODUCTS].astype(np.float32)
    return TrainingFeatures([features], PRODUCTS % classes, PRODUCTS, classes)


def test_every_fold_has_large_and_small_categories():
    folds = deal(np.repeat(np.arange(8), [80, 70, 60, 50, 4, 3, 2, 1]), 8)
    np.testing.assert_array_equal(folds, [0, 1, 2, 3, 0, 1, 2, 3])


def test_few_categories_have_a_fold_each():
    assert sorted(deal(np.array([0, 0, 1, 2]), 3)) == [0, 1, 2]


def test_an_embedding_depends_only_on_the_categories_that_it_may_see():
    whole = data(6)
    state = train_folds(whole, 8, HeadRecipe(), 0, CPU, 0.8)
    folds = state["unseen.fold"].numpy()
    assert set(folds) == set(range(FOLDS))
    hidden = folds[whole.categories] == 0
    other = TrainingFeatures(
        [np.where(hidden[:, None], -whole.views[0], whole.views[0])], whole.categories, PRODUCTS, 6
    )
    again = train_folds(other, 8, HeadRecipe(), 0, CPU, 0.8)
    assert torch.equal(state["unseen.0.weight"], again["unseen.0.weight"])
    assert not torch.equal(state["unseen.1.weight"], again["unseen.1.weight"])


@pytest.mark.parametrize("classes", [1, 2])
def test_too_few_categories_are_a_reason_to_leave_it_out(classes):
    assert "fewer than 3" in str(missing_because(data(classes)))
    assert train_folds(data(classes), 8, HeadRecipe(), 0, CPU, 0.8) == {}
