import faiss
import numpy as np
import pytest

from lambda_app.errors import IndexBuildError
from lambda_app.search.building import inverted
from lambda_app.search.building.inverted import blocks, inverted_file, lists_for
from lambda_app.search.vectors import unit


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """float32 (1000, 64) that vary in 20 dimensions, L2-normalised."""
    rng = np.random.default_rng(0)
    return unit(rng.normal(size=(1000, 20)) @ rng.normal(size=(20, 64)))


@pytest.mark.parametrize(
    ("count", "lists"), [(39, 1), (400, 10), (10_000, 256), (100_000, 2048), (1_000_000, 8192), (10**8, 16_384)]
)
def test_the_number_of_lists_grows_with_the_square_root_and_each_has_enough_vectors(count: int, lists: int):
    assert lists_for(count) == lists


def test_too_few_vectors_are_refused():
    with pytest.raises(IndexBuildError, match="38 vectors are too few for an inverted file; it needs 39"):
        lists_for(38)


@pytest.mark.parametrize(("kind", "worst"), [("ivf-float16", 0.0005), ("ivf-int8", 0.005)])
def test_full_vectors_are_stored_by_row(vectors, kind: str, worst: float):
    index = inverted_file(vectors, kind, seed=0)
    kept = faiss.downcast_index(index.refine_index).reconstruct_n(0, 1000)
    assert np.abs(np.einsum("ij,ij->i", kept, vectors) - 1).max() < worst * 10
    assert np.abs(kept - vectors).max() < worst


def test_candidates_are_found_in_the_dimensions_that_vary(vectors):
    index = inverted_file(vectors, "ivf-int8", seed=0)
    assert faiss.try_extract_index_ivf(index).d == 24  # the next step from 20


def test_vectors_are_added_in_blocks(vectors, monkeypatch):
    monkeypatch.setattr(inverted, "BLOCK", 300)
    parts = list(blocks(vectors, "test"))
    assert [len(part) for part in parts] == [300, 300, 300, 100]
    np.testing.assert_allclose(np.concatenate(parts), vectors, atol=1e-6)
    rounded = np.concatenate(list(blocks(vectors.astype(np.float16), "test")))
    np.testing.assert_allclose(np.linalg.norm(rounded, axis=1), 1, atol=1e-6)
