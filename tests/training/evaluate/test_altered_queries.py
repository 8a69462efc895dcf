import numpy as np
import pytest
import torch

from lambda_app.search.vectors import unit
from training.evaluate.alterations import ALTERATIONS, as_sent
from training.evaluate.altered_queries import hits, search_with_altered
from training.network.forward import forward_photos, forward_rows
from training.network.weights import load_weights


@pytest.fixture(scope="module")
def network(trained):
    model, _ = load_weights(trained.weights)
    return model.to(memory_format=torch.channels_last)


def forward_by(network, dataset):
    return lambda photos: forward_photos(network, photos, dataset.preprocessing)


@pytest.fixture(scope="module")
def outputs(network, small_dataset):
    return forward_rows(network, small_dataset, np.arange(len(small_dataset.photos)), 64)


def test_a_query_is_found_if_no_photo_scores_higher_than_its_own():
    """Every query is compared with each photo, one by one."""
    rng = np.random.default_rng(0)
    products = rng.integers(0, 20, 50)
    gallery = unit(rng.normal(size=(50, 6)))
    own = rng.permutation(50)[:30]
    queries = unit(gallery[own] + 0.5 * rng.normal(size=(30, 6)))
    first, recalled = hits(queries, gallery, own, products)
    for number, row in enumerate(own.tolist()):
        scores = [float(queries[number] @ vector) for vector in gallery]
        assert first[number] == all(scores[row] >= score for score in scores)
        others = sorted((other for other in range(50) if other != row), key=lambda other: -scores[other])
        assert recalled[number] == any(products[other] == products[row] for other in others[:4])
    assert 0 < first.mean() < 1
    assert 0 < recalled.mean() < 1


def test_an_equal_photo_does_not_hide_the_own_one():
    gallery = unit(np.array([[1, 0], [1, 0], [0, 1]]))
    first, _ = hits(gallery[[0, 1, 2]], gallery, np.array([0, 1, 2]), np.array([0, 1, 2]))
    assert first.all()


def test_untouched_photos_find_themselves_and_have_the_figures_of_the_report(network, small_dataset, outputs):
    figures = search_with_altered(forward_by(network, small_dataset), small_dataset, outputs)
    test = small_dataset.rows("test")
    untouched = figures["untouched"]
    assert figures["n"] == len(test)
    assert untouched["found_first"] == 1
    assert untouched["accuracy"] == pytest.approx(
        np.mean(outputs.logits[test].argmax(axis=1) == small_dataset.category[test])
    )
    assert figures.keys() == {"n", "paired", "untouched", *ALTERATIONS}


def test_the_figures_are_those_of_the_altered_photos(network, small_dataset, outputs):
    figures = search_with_altered(forward_by(network, small_dataset), small_dataset, outputs)
    test, products = small_dataset.rows("test"), small_dataset.product
    paired = np.array([(products == products[row]).sum() > 1 for row in test])
    assert figures["paired"] == paired.sum() > 0
    for name, alter in ALTERATIONS.items():
        sent = as_sent(small_dataset.photos[test], alter, small_dataset.preprocessing)
        altered = forward_photos(network, sent, small_dataset.preprocessing)
        first, recalled = hits(altered.embedding, outputs.embedding, test, products)
        assert figures[name]["found_first"] == pytest.approx(first.mean())
        assert figures[name]["recall@4"] == pytest.approx(recalled[paired].mean())
        low, high = figures[name]["intervals"]["found_first"]
        assert low <= figures[name]["found_first"] <= high


def test_the_seed_chooses_the_photos_and_their_number_is_bounded(network, small_dataset, outputs):
    first, again, other = (
        search_with_altered(forward_by(network, small_dataset), small_dataset, outputs, None, 5, seed)
        for seed in (0, 0, 1)
    )
    assert first["n"] == 5
    assert first == again
    assert first != other


def test_copies_are_found_that_the_network_does_not_recognise(network, small_dataset, outputs):
    forward = forward_by(network, small_dataset)
    figures = search_with_altered(forward, small_dataset, outputs, limit=0.15)
    assert search_with_altered(forward, small_dataset, outputs)["grey"]["as_served"] is None
    for name in ALTERATIONS:
        assert figures[name]["as_served"] >= max(0.9, figures[name]["found_first"])
    assert min(figures[name]["found_first"] for name in ALTERATIONS) < 0.5
