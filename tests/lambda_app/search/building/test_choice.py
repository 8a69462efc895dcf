import numpy as np
import pytest

from lambda_app.errors import IndexBuildError
from lambda_app.search.building import choice as building
from lambda_app.search.building import inverted
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import unit


@pytest.fixture(scope="module")
def vectors():
    """2,000 vectors around 40 centres."""
    rng = np.random.default_rng(0)
    return unit(rng.normal(size=(40, 16))[rng.integers(0, 40, 2000)] + 0.3 * rng.normal(size=(2000, 16)))


@pytest.mark.parametrize("kind", ["auto", "flat"])
def test_a_small_catalogue_is_searched_exactly(vectors, tmp_path, kind):
    entry = build_index(vectors, kind, tmp_path / "index.faiss", seed=0)
    assert (entry.type, entry.count, entry.search, entry.recall_at_10) == ("flat", 2000, {}, 1.0)
    found = VectorIndex(tmp_path / "index.faiss", entry).search(vectors[:20], 5)
    exact = np.argsort(-(vectors[:20] @ vectors.T), axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(found.rows, exact)


@pytest.mark.parametrize("kind", ["ivf-float16", "ivf-int8"])
def test_an_inverted_file_reaches_its_recall_with_the_search_settings_it_chose(vectors, tmp_path, monkeypatch, kind):
    monkeypatch.setitem(building.TARGET_RECALL, kind, 0.97)
    monkeypatch.setattr(building, "RECALL_MARGIN", 0.5)  # unused: the target can be reached
    entry = build_index(vectors, kind, tmp_path / "index.faiss", seed=0)
    assert entry.type == kind
    assert set(entry.search) == {"nprobe", "factor"}
    assert entry.recall_at_10 is not None
    assert entry.recall_at_10 >= 0.97
    assert entry.latency_ms is not None
    assert entry.latency_ms > 0
    index = VectorIndex(tmp_path / "index.faiss", entry)
    found = index.search(vectors, 10)
    exact = np.sort(vectors @ vectors.T, axis=1)[:, -10]
    true = np.einsum("qkd,qd->qk", vectors[found.rows], vectors)
    assert np.mean(true >= exact[:, None] - 1e-5) >= 0.95


@pytest.mark.slow
def test_a_very_large_catalogue_trades_recall_for_speed(tmp_path, monkeypatch):
    vectors = unit(
        np.random.default_rng(0).normal(size=(2000, 16))
    )  # without clusters, so that recall is hard to reach
    usual = build_index(vectors, "ivf-float16", tmp_path / "usual.faiss", seed=0)
    monkeypatch.setattr(building, "LARGE_CATALOGUE", 1999)
    large = build_index(vectors, "ivf-float16", tmp_path / "large.faiss", seed=0)
    assert usual.recall_at_10 is not None
    assert large.recall_at_10 is not None
    assert building.LARGE_TARGET_RECALL <= large.recall_at_10 < usual.recall_at_10
    assert large.search["nprobe"] * large.search["factor"] < usual.search["nprobe"] * usual.search["factor"]


def test_an_unreachable_recall_target_gives_nearly_the_best_possible_recall(vectors, tmp_path, monkeypatch):
    monkeypatch.setitem(building.TARGET_RECALL, "ivf-int8", 1.1)
    monkeypatch.setattr(building, "RECALL_MARGIN", 0.0)
    thorough = build_index(vectors, "ivf-int8", tmp_path / "thorough.faiss", seed=0)
    monkeypatch.setattr(building, "RECALL_MARGIN", 0.1)
    nearly = build_index(vectors, "ivf-int8", tmp_path / "nearly.faiss", seed=0)
    assert thorough.recall_at_10 is not None
    assert nearly.recall_at_10 is not None
    assert thorough.recall_at_10 - 0.1 <= nearly.recall_at_10 <= thorough.recall_at_10
    assert nearly.search != thorough.search


def test_an_index_is_built_from_mapped_vectors_in_blocks(vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(inverted, "BLOCK", 5000)
    np.save(tmp_path / "vectors.npy", np.tile(vectors, (9, 1)))
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    entry = build_index(mapped, "flat", tmp_path / "index.faiss", seed=0)
    assert entry.count == 18_000
    assert entry.recall_at_10 == 1.0
    np.testing.assert_allclose(VectorIndex(tmp_path / "index.faiss", entry).vector(17_999), vectors[-1], atol=1e-6)


def test_auto_chooses_an_inverted_file_if_exact_search_would_be_slow(vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "EXACT_UP_TO", 1999)
    monkeypatch.setattr(building, "FLOAT16_UP_TO", 2000)
    assert build_index(vectors, "auto", tmp_path / "index.faiss", seed=0).type == "ivf-float16"


@pytest.mark.parametrize(("least", "kind"), [(0.5, "ivf-int8"), (1.1, "ivf-float16")])
def test_auto_chooses_int8_for_large_catalogues_only_if_its_recall_is_sufficient(
    vectors, tmp_path, monkeypatch, least, kind
):
    monkeypatch.setattr(building, "EXACT_UP_TO", 10)
    monkeypatch.setattr(building, "FLOAT16_UP_TO", 1999)
    monkeypatch.setattr(building, "MIN_INT8_RECALL", least)
    assert build_index(vectors, "auto", tmp_path / "index.faiss", seed=0).type == kind


def test_the_same_seed_builds_the_same_file(vectors, tmp_path):
    first, again = (build_index(vectors, "ivf-int8", tmp_path / name, seed=4) for name in ("a.faiss", "b.faiss"))
    assert (first.sha256, first.search) == (again.sha256, again.search)


def test_fewer_than_ten_vectors_can_be_indexed(vectors, tmp_path):
    assert build_index(vectors[:3], "auto", tmp_path / "index.faiss", seed=0).recall_at_10 == 1.0


def test_too_few_vectors_for_an_inverted_file_are_refused(vectors, tmp_path):
    with pytest.raises(IndexBuildError, match="10 vectors are too few for an inverted file; it needs 39"):
        build_index(vectors[:10], "ivf-int8", tmp_path / "index.faiss", seed=0)
