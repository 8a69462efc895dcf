from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.manifest import IndexEntry, file_entry
from lambda_app.release.row_set import RowSet
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
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
def inverted(vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    """Five lists; a search probes one of them."""
    path = tmp_path_factory.mktemp("inverted") / "index.faiss"
    build_index(vectors, "ivf-float16", path, seed=0)
    return open_index(path, type="ivf-float16", search={"nprobe": 1, "factor": 2})


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """float32 (4000, 32), L2-normalised; row i belongs to centre i % 40."""
    rng = np.random.default_rng(1)
    vectors = np.tile(rng.normal(size=(40, 32)), (100, 1)) + 0.3 * rng.normal(size=(4000, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module", params=["ivf-float16", "ivf-int8"])
def ranked(request, many: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    """An inverted file that ranks its candidates."""
    path = tmp_path_factory.mktemp(request.param) / "index.faiss"
    return VectorIndex(path, build_index(many, request.param, path, seed=0), threads=1)


def rows_of(rows: np.ndarray, count: int = ROWS) -> RowSet:
    return RowSet.of_mask(np.isin(np.arange(count), rows))


def exact(vectors: np.ndarray, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """The expected result: rows of the k nearest neighbours, by a full sort."""
    return rows[np.argsort(-(queries @ vectors[rows].T), axis=1, kind="stable")[:, :k]]


def test_flat_search_equals_a_full_sort(flat: VectorIndex, vectors: np.ndarray):
    found = flat.search(vectors[:5], 10)
    assert found.rows.tolist() == exact(vectors, vectors[:5], np.arange(ROWS), 10).tolist()
    np.testing.assert_allclose(found.scores[:, 0], 1, atol=1e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert (flat.count, flat.dim) == (ROWS, DIM)


def test_filtered_flat_search_equals_a_full_sort_of_the_rows_that_pass(flat: VectorIndex, vectors: np.ndarray):
    allowed = np.arange(3, ROWS, 7)
    found = flat.search(vectors[:5], 10, rows_of(allowed))
    assert found.rows.tolist() == exact(vectors, vectors[:5], allowed, 10).tolist()
    assert flat.search(vectors[:1], 1).rows[0, 0] == 0  # the filter of the last search has no effect on this one


@pytest.mark.parametrize("kind", ["flat", "inverted"])
@pytest.mark.parametrize("allowed", [None, np.array([5]), np.array([0, 100, 199])])
def test_a_search_finds_at_most_the_rows_that_the_filter_allows(
    kind: str, allowed: np.ndarray | None, request, vectors: np.ndarray
):
    passing = None if allowed is None else rows_of(allowed)
    found = request.getfixturevalue(kind).search(vectors[:2], ROWS + 50, passing)
    expected = np.arange(ROWS) if allowed is None else allowed
    assert [sorted(rows) for rows in found.rows.tolist()] == [expected.tolist()] * 2


def test_rows_of_equal_score_are_ordered_by_row(tmp_path: Path, vectors: np.ndarray):
    write_index(tmp_path / "index.faiss", np.tile(vectors[:4], (50, 1)))
    index = open_index(tmp_path / "index.faiss")
    allowed = np.array([1, 2, 42, 80, 121, 198])  # 2, 42 and 198 hold the query's own vector
    assert index.search(vectors[2:3], 3, rows_of(allowed)).rows.tolist() == [[2, 42, 198]]


def test_a_search_uses_the_configured_number_of_threads(flat: VectorIndex, vectors: np.ndarray):
    """OpenMP keeps the number per calling thread, so that a new thread starts with the default."""

    def threads() -> int:
        faiss.omp_set_num_threads(3)
        flat.search(vectors[:1], 1)
        return int(faiss.omp_get_max_threads())

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(threads).result() == 1


def test_a_filter_that_allows_no_row_finds_nothing(flat: VectorIndex, vectors: np.ndarray):
    found = flat.search(vectors[:1], 3, rows_of(np.array([], np.int64)))
    assert found.rows.tolist() == [[-1]]
    assert found.scores.tolist() == [[-np.inf]]


def test_an_inverted_file_probes_the_number_of_lists_in_its_entry(inverted: VectorIndex, vectors: np.ndarray):
    first = inverted.search(vectors, 1)
    assert first.rows[:, 0].tolist() == list(range(ROWS))
    oracle = exact(vectors, vectors, np.arange(ROWS), 10)
    recall = np.mean(
        [len(set(a) & set(b)) / 10 for a, b in zip(inverted.search(vectors, 10).rows, oracle, strict=True)]
    )
    assert 0.3 < recall < 1  # one list of five


def test_the_first_neighbour_does_not_depend_on_k(many: np.ndarray, tmp_path: Path):
    entry = build_index(many, "ivf-int8", tmp_path / "index.faiss", seed=0)
    index = VectorIndex(tmp_path / "index.faiss", entry.model_copy(update={"search": {"nprobe": 8, "factor": 1}}))
    queries = many[:300] + 0.1 * np.random.default_rng(5).normal(size=(300, 32)).astype(np.float32)
    assert index.search(queries, 1).rows[:, 0].tolist() == index.search(queries, 10).rows[:, 0].tolist()


def test_stored_vectors_can_be_read_by_row(flat: VectorIndex, vectors: np.ndarray):
    for row in (0, 77, ROWS - 1):
        np.testing.assert_allclose(flat.vector(row), vectors[row], atol=1e-6)
    assert flat.vector(0).dtype == np.float32


def test_ranked_candidates_have_exact_cosines(ranked: VectorIndex, many: np.ndarray):
    found = ranked.search(many[:200], 10)
    assert found.rows[:, 0].tolist() == list(range(200))
    np.testing.assert_allclose(found.scores[:, 0], 1, atol=2e-4)
    true = np.einsum("qkd,qd->qk", many[found.rows], many[:200])
    np.testing.assert_allclose(found.scores, true, atol=0.004)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_ranked_vectors_are_read_by_row(ranked: VectorIndex, many: np.ndarray):
    for row in (0, 1234, 3999):
        vector = ranked.vector(row)
        assert vector @ many[row] > 0.9999
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("share", [2, 10, 100, 1000])
def test_a_filtered_search_finds_the_nearest_rows_that_pass(share: int, ranked: VectorIndex, many: np.ndarray):
    allowed = np.arange(0, len(many), share)
    found = ranked.search(many[1:201], 10, rows_of(allowed, len(many)))
    k = min(10, len(allowed))
    assert found.rows.shape == (200, k)
    assert np.isin(found.rows, allowed).all()
    floor = np.sort(many[1:201] @ many[allowed].T, axis=1)[:, -k]
    true = np.einsum("qkd,qd->qk", many[found.rows], many[1:201])
    assert np.mean(true >= floor[:, None] - 1e-5) >= 0.95


def test_a_filtered_search_finds_rows_far_from_the_query(ranked: VectorIndex, many: np.ndarray):
    """For example, a search with the photo of a sofa for phones only: no row in the lists near the query passes."""
    centres = many[:40]
    far = np.flatnonzero(np.isin(np.arange(len(many)) % 40, np.argsort(centres @ centres[0])[:10]))
    queries = many[0::40]
    found = ranked.search(queries, 10, rows_of(far, len(many)))
    oracle = exact(many, queries, far, 10)
    hits = [len(set(a) & set(b)) for a, b in zip(found.rows, oracle, strict=True)]
    assert np.mean(hits) >= 9.5


def test_k_may_exceed_the_rows_in_the_lists_near_the_query(ranked: VectorIndex, many: np.ndarray):
    assert sorted(ranked.search(many[:1], len(many)).rows[0]) == list(range(len(many)))


def test_an_index_that_differs_from_its_entry_is_refused(tmp_path: Path, vectors: np.ndarray):
    path = tmp_path / "index.faiss"
    write_index(path, vectors)
    with pytest.raises(ReleaseError, match=r"is a flat index.*must be ivf-int8"):
        open_index(path, type="ivf-int8")
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


def test_an_index_without_vectors_to_rank_its_candidates_is_refused(tmp_path: Path, vectors: np.ndarray):
    path = tmp_path / "index.faiss"
    entry = build_index(vectors, "ivf-int8", path, seed=0)
    index = faiss.read_index(str(path))
    index.refine_index.reset()
    faiss.write_index(index, str(path))
    with pytest.raises(ReleaseError, match="holds 0 vectors; the manifest says 200"):
        VectorIndex(path, entry)


@pytest.mark.parametrize("data", [b"", b"no index", b"IxFI\x08"])
def test_a_file_that_is_not_an_index_is_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "index.faiss"
    path.write_bytes(data)
    with pytest.raises(ReleaseError, match="is not a FAISS index"):
        open_index(path)
