import numpy as np
import pytest
import torch
from torch.nn import functional as F

from training.fit.heads.train import PROBE, HeadRecipe, TrainingFeatures, train_heads

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data():
    """Features of 3 classes, on very different scales, with an offset; one feature is constant."""
    rng = np.random.default_rng(0)
    categories = rng.integers(0, 3, 300)
    scale = 10.0 ** rng.uniform(-2, 2, 12)
    clean = rng.normal(size=(3, 12))[categories] + 0.4 * rng.normal(size=(300, 12))
    features = (clean * scale + 5 * scale).astype(np.float32)
    features[:, 3] = 7.0
    return TrainingFeatures((features,), categories, np.arange(300), 3)


def test_the_heads_separate_the_classes_without_standardised_features(data):
    state = train_heads(data, 8, HeadRecipe(), 0, CPU)
    pooled = torch.from_numpy(data.views[0])
    logits = F.linear(pooled, state["classifier.weight"], state["classifier.bias"])
    assert (logits.argmax(dim=1).numpy() == data.categories).mean() > 0.95
    embedding = F.normalize(F.linear(pooled, state["embedding.weight"], state["embedding.bias"]), dim=1)
    similar = (embedding @ embedding.T).fill_diagonal_(-1)
    assert (data.categories[similar.argmax(dim=1).numpy()] == data.categories).mean() > 0.95
    assert all(torch.isfinite(value).all() for value in state.values())


def test_a_probe_is_a_classifier_alone(data):
    assert train_heads(data, 0, PROBE, 0, CPU).keys() == {"classifier.weight", "classifier.bias"}


def test_equal_seeds_give_equal_heads_and_the_threads_of_torch_are_as_before(data):
    before = torch.get_num_threads()
    one, same, other = (train_heads(data, 4, HeadRecipe(), seed, CPU) for seed in (0, 0, 1))
    assert all(torch.equal(value, same[key]) for key, value in one.items())
    assert not torch.equal(one["embedding.weight"], other["embedding.weight"])
    assert torch.get_num_threads() == before


def test_views_of_the_photos_are_learned_too(data):
    """The class of a mirrored photo cannot be seen from the photos as they are, because its features are others."""
    mirrored = -data.views[0]
    both = TrainingFeatures((data.views[0], mirrored), data.categories, data.products, data.classes)

    def accuracy(trained_on):
        state = train_heads(trained_on, 0, HeadRecipe(dropout=0.0), 0, CPU)
        logits = F.linear(torch.from_numpy(mirrored), state["classifier.weight"], state["classifier.bias"])
        return (logits.argmax(dim=1).numpy() == data.categories).mean()

    assert accuracy(both) > accuracy(data)
