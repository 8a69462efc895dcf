import numpy as np
import pytest

from lambda_app.search.vectors import mean_direction, preference, softmax, unit
from tests.test_architecture import loaded_by


def test_rows_are_scaled_to_length_one_and_zeros_stay_zero():
    found = unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert found.dtype == np.float32
    assert found.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]
    assert unit(np.empty((0, 4), np.float32)).shape == (0, 4)


def test_rounded_vectors_are_scaled_to_length_one_again():
    vectors = unit(np.random.default_rng(0).normal(size=(500, 256)))
    rounded = vectors.astype(np.float16)
    assert np.abs(np.linalg.norm(rounded.astype(float), axis=1) - 1).max() > 1e-5
    assert np.abs(np.linalg.norm(unit(rounded).astype(float), axis=1) - 1).max() < 5e-7


def test_the_input_is_not_changed():
    vectors = np.array([[3.0, 4.0]], np.float32)
    unit(vectors)
    assert vectors.tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize("length", [6e-8, 1e-11, 1e-9, 1e-3, 1e3, 1e18])
def test_a_vector_of_any_length_within_float16_gets_length_one(length: float):
    assert np.linalg.norm(unit(np.array([[0.6, 0.8]]) * length)) == pytest.approx(1)


@pytest.mark.parametrize("length", [0.0, 1e-45, 1e-30, 1e-13])
def test_a_vector_of_nearly_zero_length_stays_finite_and_short(length: float):
    found = unit(np.array([[length, -length, 0.0]]))
    assert np.isfinite(found).all()
    assert np.linalg.norm(found) < 1


def test_the_smallest_vector_of_float16_gets_length_one():
    smallest = np.array([[np.finfo(np.float16).smallest_subnormal, 0]], np.float16)
    assert unit(smallest).tolist() == [[pytest.approx(1), 0]]


def test_probabilities_match_the_formula_for_one_row_and_for_many():
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    odds = np.exp(logits.astype(float) / 2)
    expected = odds / odds.sum(axis=1, keepdims=True)
    assert softmax(logits, 2.0).dtype == np.float64
    np.testing.assert_allclose(softmax(logits, 2.0), expected)
    np.testing.assert_allclose(softmax(logits[0], 2.0), expected[0])
    assert not np.allclose(softmax(logits), expected)


def test_large_logits_do_not_overflow():
    assert softmax(np.array([10_000.0, 0.0, -10_000.0])).tolist() == [1.0, 0.0, 0.0]


def test_the_module_does_not_import_faiss():
    assert not {"faiss", "onnxruntime"} & loaded_by("import lambda_app.search.vectors")


def test_the_direction_of_a_mean_has_length_one():
    rng = np.random.default_rng(0)
    vectors = list(unit(rng.normal(size=(3, 8))))
    mean = np.mean(vectors, axis=0)
    np.testing.assert_allclose(mean_direction(vectors), mean / np.linalg.norm(mean), rtol=1e-6)
    np.testing.assert_allclose(mean_direction(vectors[:1]), vectors[0], rtol=1e-6)


def test_vectors_that_cancel_out_have_no_direction():
    one = unit(np.ones((1, 4)))[0]
    assert mean_direction([one, -one]).tolist() == [0.0] * 4


def test_a_preference_is_near_the_liked_and_away_from_the_disliked():
    liked, disliked = [np.array([1.0, 0.0]), np.array([0.0, 1.0])], [np.array([1.0, 1.0])]
    assert preference(liked, disliked, 0.5).tolist() == [0.0, 0.0]
    assert preference(liked, [], 0.5).tolist() == [0.5, 0.5]
    assert preference(liked, disliked, 0.2).dtype == np.float32
