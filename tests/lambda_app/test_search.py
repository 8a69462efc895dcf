from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release import IndexEntry, file_entry
from lambda_app.search import VectorIndex
from tests.releases import write_index

ROWS, DIM = 200, 8


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """float32 (ROWS, DIM), L2-normalised."""
    vectors = np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def open_index(path: Path, **changes: Any) -> VectorIndex:
    return VectorIndex(path, IndexEntry(**{**file_entry(path), "count": ROWS, **changes}), threads=1)


@pytest.fixture(scope="module")
def flat(vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    path = tmp_path_factory.mktemp("flat") / "index.faiss"
    write_index(path, vectors)
    return open_index(path)


@pytest.fixture(scope="module")
def ivf(vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    """Four lists, of which one is probed."""
    path = tmp_path_factory.mktemp("ivf") / "index.faiss"
    write_index(path, vectors, "ivf")
    return open_index(path, type="ivf", search={"nprobe": 1})


def exact(vectors: np.ndarray, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """The oracle: rows of the k nearest, by a full sort."""
    return rows[np.argsort(-(queries @ vectors[rows].T), axis=1, kind="stable")[:, :k]]


def test_flat_search_equals_a_full_sort(flat: VectorIndex, vectors: np.ndarray):
    found = flat.search(vectors[:5], 10)
    assert found.rows.tolist() == exact(vectors, vectors[:5], np.arange(ROWS), 10).tolist()
    np.testing.assert_allclose(found.scores[:, 0], 1, atol=1e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert (flat.count, flat.dim) == (ROWS, DIM)


def test_filtered_flat_search_equals_a_full_sort_of_what_passes(flat: VectorIndex, vectors: np.ndarray):
    allowed = np.arange(3, ROWS, 7)
    found = flat.search(vectors[:5], 10, allowed)
    assert found.rows.tolist() == exact(vectors, vectors[:5], allowed, 10).tolist()
    assert flat.search(vectors[:1], 1).rows[0, 0] == 0  # the filter left nothing behind in the index


@pytest.mark.parametrize("kind", ["flat", "ivf"])
@pytest.mark.parametrize("allowed", [None, np.array([5]), np.array([0, 100, 199])])
def test_as_many_are_found_as_may_answer(kind: str, allowed: np.ndarray | None, request, vectors: np.ndarray):
    found = request.getfixturevalue(kind).search(vectors[:2], ROWS + 50, allowed)
    expected = np.arange(ROWS) if allowed is None else allowed
    assert [sorted(rows) for rows in found.rows.tolist()] == [expected.tolist()] * 2


def test_nothing_may_answer(flat: VectorIndex, vectors: np.ndarray):
    found = flat.search(vectors[:1], 3, np.array([], np.int64))
    assert found.rows.tolist() == [[-1]]
    assert found.scores.tolist() == [[-np.inf]]


def test_an_inverted_file_probes_as_its_entry_says(ivf: VectorIndex, vectors: np.ndarray):
    first = ivf.search(vectors, 1)
    assert first.rows[:, 0].tolist() == list(range(ROWS))
    oracle = exact(vectors, vectors, np.arange(ROWS), 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(ivf.search(vectors, 10).rows, oracle, strict=True)])
    assert 0.3 < recall < 1  # one list of four


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_stored_vectors_are_given_back(kind: str, request, vectors: np.ndarray):
    index = request.getfixturevalue(kind)
    for row in (0, 77, ROWS - 1):
        np.testing.assert_allclose(index.vector(row), vectors[row], atol=1e-6)
    assert index.vector(0).dtype == np.float32


def test_an_index_that_its_entry_does_not_describe_is_refused(tmp_path: Path, vectors: np.ndarray):
    path = tmp_path / "index.faiss"
    write_index(path, vectors)
    with pytest.raises(ReleaseError, match=r"is a flat index.*not a ivf"):
        open_index(path, type="ivf")
    with pytest.raises(ReleaseError, match="holds 200 vectors; the manifest says 199"):
        open_index(path, count=199)
    other = faiss.IndexFlatL2(DIM)
    other.add(vectors)
    faiss.write_index(other, str(path))
    with pytest.raises(ReleaseError, match="metric 1"):
        open_index(path)
    hnsw = faiss.IndexHNSWFlat(DIM, 8, faiss.METRIC_INNER_PRODUCT)
    faiss.write_index(hnsw, str(path))
    with pytest.raises(ReleaseError, match="IndexHNSWFlat"):
        open_index(path)


@pytest.mark.parametrize("data", [b"", b"no index", b"IxFI\x08"])
def test_what_is_no_index_is_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "index.faiss"
    path.write_bytes(data)
    with pytest.raises(ReleaseError, match="is not a FAISS index"):
        open_index(path)
