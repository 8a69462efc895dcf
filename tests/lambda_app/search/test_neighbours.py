import numpy as np
import pytest

from lambda_app.search.neighbours import cosines, highest, nearest
from lambda_app.search.vectors import unit


@pytest.mark.parametrize("count", [0, 1, 7, 300, 5_000])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_the_highest_scores_come_first_and_equal_ones_in_their_order(count: int, k: int):
    scores = np.random.default_rng(count).integers(0, 40, count).astype(np.float32)  # many are equal
    expected = sorted(range(count), key=lambda number: (-scores[number], number))[:k]
    best, found = highest(scores, k)
    assert best.tolist() == expected
    assert found.tolist() == scores[expected].tolist()


def test_cosines_do_not_depend_on_lengths():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((50, 64)).astype(np.float32)
    query = unit(rng.standard_normal((1, 64)))[0]
    expected = (unit(vectors).astype(np.float64) * query).sum(axis=1)
    np.testing.assert_allclose(cosines(vectors, query), expected, atol=2e-7)
    np.testing.assert_allclose(cosines(3 * vectors, query), expected, atol=2e-7)


def test_the_cosine_of_a_vector_of_zeros_is_zero():
    assert cosines(np.zeros((2, 8), np.float32), np.ones(8, np.float32)).tolist() == [0, 0]


def test_equal_vectors_have_equal_cosines_wherever_they_are():
    rng = np.random.default_rng(1)
    vector = rng.standard_normal(256).astype(np.float32)
    query = unit(rng.standard_normal((1, 256)))[0]
    found = cosines(np.repeat(vector[np.newaxis], 67, axis=0), query)
    assert len(set(found.tolist())) == 1
    assert nearest(np.repeat(vector[np.newaxis], 67, axis=0), query, 5)[0].tolist() == [0, 1, 2, 3, 4]
