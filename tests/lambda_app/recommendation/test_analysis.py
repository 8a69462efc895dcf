import numpy as np
import pytest

from lambda_app.recommendation.analysis import Analysis, fused
from lambda_app.search.vectors import softmax, unit


def analyses(count: int) -> list[Analysis]:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(count, 5)).astype(np.float32)
    vectors = unit(rng.normal(size=(count, 16)))
    return [Analysis(*parts) for parts in zip(logits, softmax(logits).astype(np.float32), vectors, strict=True)]


def test_one_analysis_stays_as_it_is():
    (one,) = analyses(1)
    assert fused([one]) is one


@pytest.mark.parametrize("count", [2, 4])
def test_several_are_their_means(count: int):
    found = analyses(count)
    one = fused(found)
    np.testing.assert_allclose(one.logits, np.mean([part.logits for part in found], axis=0), rtol=1e-6)
    np.testing.assert_allclose(one.probabilities, np.mean([part.probabilities for part in found], axis=0), rtol=1e-6)
    assert one.probabilities.sum() == pytest.approx(1)
    mean = np.mean([part.embedding for part in found], axis=0)
    np.testing.assert_allclose(one.embedding, mean / np.linalg.norm(mean), rtol=1e-5)
    assert {one.logits.dtype, one.probabilities.dtype, one.embedding.dtype} == {np.dtype(np.float32)}


def test_the_order_of_the_photos_does_not_matter():
    found = analyses(3)
    np.testing.assert_allclose(fused(found).embedding, fused(found[::-1]).embedding, atol=1e-6)
