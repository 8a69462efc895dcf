import numpy as np
import pytest

from lambda_app.search import VectorIndex
from training import vectors as building
from training.errors import IndexBuildError
from training.metrics import l2_normalise
from training.vectors import build_index


@pytest.fixture(scope="module")
def vectors():
    """2,000 vectors around 40 centres."""
    rng = np.random.default_rng(0)
    return l2_normalise(rng.normal(size=(40, 16))[rng.integers(0, 40, 2000)] + 0.3 * rng.normal(size=(2000, 16)))


@pytest.mark.parametrize("kind", ["auto", "flat"])
def test_a_small_catalogue_is_searched_exactly(vectors, tmp_path, kind):
    entry = build_index(vectors, kind, tmp_path / "index.faiss", seed=0)
    assert (entry.type, entry.count, entry.search, entry.recall_at_10) == ("flat", 2000, {}, 1.0)
    found = VectorIndex(tmp_path / "index.faiss", entry).search(vectors[:20], 5)
    exact = np.argsort(-(vectors[:20] @ vectors.T), axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(found.rows, exact)


def test_an_inverted_file_reaches_its_recall_by_its_own_settings(vectors, tmp_path):
    entry = build_index(vectors, "ivf", tmp_path / "index.faiss", seed=0)
    assert entry.type == "ivf"
    assert entry.search["nprobe"] >= 1
    assert entry.recall_at_10 >= building.LEAST_RECALL
    index = VectorIndex(tmp_path / "index.faiss", entry)
    found = index.search(vectors, 10)
    exact = np.sort(-np.sort(-(vectors @ vectors.T), axis=1)[:, :10], axis=1)[:, 0]
    assert np.mean(found.scores >= exact[:, None] - 1e-5) >= 0.97
    np.testing.assert_allclose(index.vector(7), vectors[7], atol=1e-6)


def test_an_index_grows_from_mapped_vectors_in_pieces(vectors, tmp_path):
    np.save(tmp_path / "vectors.npy", np.tile(vectors, (9, 1)))  # more than one piece
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    entry = build_index(mapped, "flat", tmp_path / "index.faiss", seed=0)
    assert entry.count == 18_000
    assert entry.recall_at_10 == 1.0
    np.testing.assert_allclose(VectorIndex(tmp_path / "index.faiss", entry).vector(17_999), vectors[-1], atol=1e-6)


def test_auto_takes_an_inverted_file_where_exact_search_would_be_slow(vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "EXACT_UP_TO", 1999)
    assert build_index(vectors, "auto", tmp_path / "index.faiss", seed=0).type == "ivf"


def test_the_same_seed_builds_the_same_file(vectors, tmp_path):
    first, again = (build_index(vectors, "ivf", tmp_path / name, seed=4) for name in ("a.faiss", "b.faiss"))
    assert first.sha256 == again.sha256


def test_fewer_vectors_than_ten_are_indexed(vectors, tmp_path):
    assert build_index(vectors[:3], "auto", tmp_path / "index.faiss", seed=0).recall_at_10 == 1.0


def test_too_few_vectors_for_an_inverted_file_are_refused(vectors, tmp_path):
    with pytest.raises(IndexBuildError, match="10 vectors are too few for an inverted file; it takes 39"):
        build_index(vectors[:10], "ivf", tmp_path / "index.faiss", seed=0)
