import numpy as np
import pytest

from benchmarks.inputs import synthetic
from benchmarks.inputs.synthetic import CATEGORIES, DIM, SyntheticCatalogue


@pytest.fixture(scope="module")
def catalogue() -> SyntheticCatalogue:
    return SyntheticCatalogue(3_000)


@pytest.fixture(scope="module")
def vectors(catalogue: SyntheticCatalogue) -> np.ndarray:
    return np.concatenate(list(catalogue.blocks()))


def test_vectors_are_of_length_one_and_reproducible(catalogue: SyntheticCatalogue, vectors: np.ndarray):
    assert vectors.shape == (3_000, DIM)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors, next(SyntheticCatalogue(3_000).blocks()))
    assert not np.array_equal(vectors, next(SyntheticCatalogue(3_000, seed=1).blocks()))


def test_vectors_vary_in_few_dimensions(vectors: np.ndarray):
    variances = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
    assert np.cumsum(variances)[31] / variances.sum() > 0.95


def test_the_nearest_photo_is_usually_the_other_photo_of_the_product(vectors: np.ndarray):
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -1)
    assert np.mean(scores.argmax(axis=1) == np.arange(3_000) ^ 1) > 0.95


def test_queries_are_new_photos_of_products_of_the_catalogue(catalogue: SyntheticCatalogue, vectors: np.ndarray):
    scores = catalogue.queries(50) @ vectors.T
    assert scores.max() < 0.999
    nearest = np.argsort(-scores, axis=1)[:, :2]
    assert np.mean(nearest[:, 0] // 2 == nearest[:, 1] // 2) > 0.9


def test_photos_of_the_same_category_are_more_similar(catalogue: SyntheticCatalogue, vectors: np.ndarray):
    categories = catalogue.categories()
    assert set(categories) == set(range(CATEGORIES))
    alike = categories[:, None] == categories
    scores = vectors @ vectors.T
    assert scores[alike].mean() > scores[~alike].mean() + 0.1


def test_prices_are_spread_evenly(catalogue: SyntheticCatalogue):
    assert np.mean(catalogue.prices() <= 50) == pytest.approx(0.5, abs=0.05)


def test_the_file_holds_every_block(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "BLOCK", 64)
    catalogue = SyntheticCatalogue(200)
    catalogue.write(tmp_path / "vectors.npy")
    stored = np.load(tmp_path / "vectors.npy")
    assert (stored.shape, stored.dtype) == ((200, DIM), np.float16)
    np.testing.assert_allclose(stored, np.concatenate(list(catalogue.blocks())), atol=1e-3)
    assert len(catalogue.categories()) == 200
