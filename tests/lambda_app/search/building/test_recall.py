import faiss
import numpy as np
import pytest

from lambda_app.release.manifest import IndexEntry, file_entry
from lambda_app.search.building import inverted
from lambda_app.search.building.recall import Trial
from lambda_app.search.vectors import unit


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """float32 (500, 16), L2-normalised."""
    return unit(np.random.default_rng(0).normal(size=(500, 16)))


def flat_file(path, vectors: np.ndarray) -> IndexEntry:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(path))
    return IndexEntry(count=len(vectors), **file_entry(path))


@pytest.mark.parametrize("count", [1, 2, 5, 500])
def test_exact_search_finds_all_neighbours(vectors, tmp_path, count: int):
    entry = flat_file(tmp_path / "index.faiss", vectors[:count])
    assert Trial(vectors[:count], seed=0).measured(tmp_path / "index.faiss", entry).recall_at_10 == 1.0


def test_the_block_size_does_not_change_the_result(vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(inverted, "BLOCK", 77)
    entry = flat_file(tmp_path / "index.faiss", vectors)
    assert Trial(vectors, seed=0).measured(tmp_path / "index.faiss", entry).recall_at_10 == 1.0


def test_missed_neighbours_lower_the_recall(vectors, tmp_path):
    worse = vectors.copy()
    worse[250:] *= -1  # half of the vectors have the opposite direction
    entry = flat_file(tmp_path / "index.faiss", worse)
    recall = Trial(vectors, seed=0).measured(tmp_path / "index.faiss", entry).recall_at_10
    assert recall is not None
    assert recall < 0.6


def test_recall_is_the_share_of_the_ten_nearest_others_that_are_found(vectors, tmp_path):
    """Count one query at a time; the query's own row, which the index also finds, is neither a hit nor a miss."""
    worse = vectors.copy()
    worse[::3] *= -1
    entry = flat_file(tmp_path / "index.faiss", worse)
    hits = 0
    for query in range(len(vectors)):
        true, scored = (rows @ vectors[query] for rows in (vectors, worse))
        wanted = [row for row in np.argsort(-true) if row != query][:10]
        found = [row for row in np.argsort(-scored)[:11] if row != query][:10]
        hits += len(set(wanted) & set(found))
    measured = Trial(vectors, seed=0).measured(tmp_path / "index.faiss", entry).recall_at_10
    assert measured == pytest.approx(hits / (10 * len(vectors)), abs=1e-9)


def test_a_query_is_timed(vectors, tmp_path):
    entry = flat_file(tmp_path / "index.faiss", vectors)
    latency = Trial(vectors, seed=0).timed(tmp_path / "index.faiss", entry).latency_ms
    assert latency is not None
    assert latency > 0
