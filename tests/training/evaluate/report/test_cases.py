import numpy as np
import pytest

from lambda_app.search.vectors import unit
from training.evaluate.report.cases import SHOWN, choose, confident_mistakes
from training.metrics.retrieval import rank


def catalogue(products, noise, seed=0, width=8):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(products.max() + 1, width))
    return unit(centres[products] + noise * rng.normal(size=(len(products), width)))


@pytest.fixture(scope="module")
def pairs():
    """60 products of two photos, of 5 categories, some of whose photos are far apart."""
    products = np.repeat(np.arange(60), 2)
    vectors = catalogue(products, noise=1.0)
    categories = products % 5
    ranking = rank(vectors, products, categories, np.arange(120))
    return choose(ranking, vectors, products, categories), vectors, products, categories


def lead(vectors, products, query):
    scores = vectors @ vectors[query]
    own = products == products[query]
    return scores[own & (np.arange(len(scores)) != query)].max() - scores[~own].max()


def test_the_worst_cases_have_the_largest_negative_leads(pairs):
    gallery, vectors, products, _ = pairs
    leads = [lead(vectors, products, case.query) for case in gallery.worst]
    assert leads == sorted(leads)
    assert leads[0] == pytest.approx(min(lead(vectors, products, query) for query in range(120)))
    for case in gallery.worst:
        assert case.mate_rank > SHOWN
        assert case.mate not in case.neighbours


def test_the_best_cases_rank_their_product_first_and_begin_with_one_per_category(pairs):
    gallery, vectors, products, categories = pairs
    led = {int(categories[query]) for query in range(120) if lead(vectors, products, query) > 0}
    assert {int(categories[case.query]) for case in gallery.best[: len(led)]} == led
    leads = [lead(vectors, products, case.query) for case in gallery.best]
    assert max(leads) == pytest.approx(max(lead(vectors, products, query) for query in range(120)))
    assert all(case.mate_rank == 1 and case.neighbours[0] == case.mate for case in gallery.best)


def test_a_case_has_the_ranks_and_cosines_of_an_exact_ranking(pairs):
    gallery, vectors, products, _ = pairs
    for case in (*gallery.worst, *gallery.best, *gallery.drawn):
        scores = vectors @ vectors[case.query]
        order = [int(row) for row in np.argsort(-scores) if row != case.query]
        assert list(case.neighbours) == order[:SHOWN]
        assert case.scores == pytest.approx(scores[order[:SHOWN]])
        assert products[case.mate] == products[case.query]
        assert order.index(case.mate) + 1 == case.mate_rank


@pytest.mark.parametrize("kind", ["worst", "best", "drawn"])
def test_every_list_is_full_and_shows_a_query_once(pairs, kind):
    cases = getattr(pairs[0], kind)
    assert len(cases) == 6
    assert len({case.query for case in cases}) == 6


def test_worst_and_best_show_a_product_once(pairs):
    gallery, _, products, _ = pairs
    for cases in (gallery.worst, gallery.best):
        assert len({int(products[case.query]) for case in cases}) == len(cases)


def test_a_ranking_without_a_miss_has_no_worst_case():
    products = np.repeat(np.arange(20), 2)
    vectors = catalogue(products, noise=0.01)
    gallery = choose(rank(vectors, products, products, np.arange(40)), vectors, products, products)
    assert gallery.worst == ()
    assert gallery.best


def test_products_with_one_photo_are_judged_by_category():
    products, categories = np.arange(80), np.arange(80) % 4
    vectors = catalogue(categories, noise=0.6)
    gallery = choose(rank(vectors, products, categories, np.arange(80)), vectors, products, categories)
    for case in (*gallery.worst, *gallery.best):
        assert case.mate is case.mate_rank is case.mate_score is None
    for case in gallery.best:
        assert (categories[list(case.neighbours)] == categories[case.query]).all()
    wrong = [(categories[list(case.neighbours)] != categories[case.query]).sum() for case in gallery.worst]
    assert wrong
    assert wrong == sorted(wrong, reverse=True)


def test_a_query_whose_neighbours_all_show_its_product_has_a_rank():
    products = np.zeros(12, np.int64)
    vectors = catalogue(products, noise=0.5)
    gallery = choose(rank(vectors, products, products, np.arange(12)), vectors, products, products)
    assert [case.mate_rank for case in gallery.best] == [1]


def test_without_queries_there_are_no_cases():
    products = np.array([0, 0, 1])
    vectors = catalogue(products, noise=0.5)
    gallery = choose(rank(vectors, products, products, np.array([2])), vectors, products, products)
    assert gallery.worst == gallery.best == gallery.drawn == ()


def test_mistakes_are_ordered_by_confidence():
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9], [0.7, 0.3], [0.2, 0.8]])
    found = confident_mistakes(probabilities, np.array([1, 0, 0, 0]), np.array([10, 11, 12, 13]))
    assert [(mistake.row, mistake.predicted, mistake.probability) for mistake in found] == [
        (11, 1, 0.9),
        (13, 1, 0.8),
        (10, 0, 0.6),
    ]
