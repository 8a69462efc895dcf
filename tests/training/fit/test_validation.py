import dataclasses

import numpy as np
import pytest

from training.fit.validation import SCORED, is_as_good_as, validate
from training.metrics import retrieval
from training.network.forward import forward_rows
from training.network.weights import load_weights
from training.pipeline.world import SINGLE_PROCESS


@pytest.fixture(scope="module")
def model(trained):
    return load_weights(trained.weights)[0]


def test_the_figures_are_those_of_the_validation_split(model, small_dataset):
    rows = small_dataset.rows("validation")
    logits, labels = forward_rows(model, small_dataset, rows, 16).logits, small_dataset.category[rows]
    figures = validate(model, small_dataset, 16, SINGLE_PROCESS)
    assert figures["val_accuracy"] == retrieval.accuracy(logits, labels)
    assert figures["val_loss"] == retrieval.negative_log_likelihood(logits, labels)
    recall = figures["val_recall4"]
    assert recall is not None
    assert 0 <= recall <= 1


def test_without_a_product_of_two_photos_there_is_no_recall(model, small_dataset):
    alone = dataclasses.replace(small_dataset, product=np.arange(len(small_dataset.photos)))
    figures = validate(model, alone, 16, SINGLE_PROCESS)
    assert figures["val_recall4"] is None
    assert figures["val_accuracy"] is not None


def test_without_a_validation_split_there_are_no_figures(model, small_dataset):
    split = np.where(small_dataset.split == 1, 0, small_dataset.split)
    found = validate(model, dataclasses.replace(small_dataset, split=split), 16, SINGLE_PROCESS)
    assert found == {"val_loss": None, "val_accuracy": None, "val_recall4": None}


@pytest.mark.parametrize(
    ("found", "best", "good"),
    [
        ((0.89, 0.87), (0.9, 0.9), True),
        ((0.88, 0.87), (0.9, 0.9), False),
        ((0.985, None), (0.99, None), True),
        ((0.975, None), (0.99, None), False),
        ((None, None), (None, None), True),
    ],
)
def test_a_score_within_the_standard_error_of_the_best_is_as_good(found, best, good):
    # The standard error of the mean of two shares of 0.9, each of 100 photos, is 0.021; that of 0.99 alone is 0.010.
    given, highest = (dict(zip(SCORED, pair, strict=True)) for pair in (found, best))
    assert is_as_good_as(given, highest, 100) == good
