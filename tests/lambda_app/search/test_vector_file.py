import tracemalloc
from pathlib import Path

import faiss
import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.row_set import RowSet
from lambda_app.search.building.choice import build_index
from lambda_app.search.vector_file import VectorFile, open_vectors


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """float32 (400, 16), L2-normalised."""
    vectors = np.random.default_rng(0).normal(size=(400, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize(("kind", "lists"), [("flat", 0), ("ivf-float16", 10), ("ivf-int8", 10)])
def test_the_type_of_an_index_written_by_training_is_recognised(
    kind: str, lists: int, vectors: np.ndarray, tmp_path: Path
):
    build_index(vectors, kind, tmp_path / "index.faiss", seed=0)
    opened = open_vectors(tmp_path / "index.faiss")
    assert (opened.type, opened.lists) == (kind, lists)
    assert opened.stored.reconstruct(7) @ vectors[7] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", ["flat", "ivf-float16", "ivf-int8"])
def test_stored_vectors_are_decoded_as_faiss_does(kind: str, vectors: np.ndarray, tmp_path: Path):
    build_index(vectors, kind, tmp_path / "index.faiss", seed=0)
    opened, rows = open_vectors(tmp_path / "index.faiss"), np.array([399, 0, 7])
    decoded = opened.decoded(rows)
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, opened.stored.reconstruct_batch(rows), atol=1e-6)
    assert opened.decoded(rows[:0]).shape == (0, 16)


def test_float16_of_all_finite_values_is_decoded_exactly():
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    values = every[np.isfinite(every)].reshape(-1, 64)
    index = faiss.IndexScalarQuantizer(64, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.add(values.astype(np.float32))
    decoded = VectorFile("ivf-float16", index, index, index).decoded(np.arange(len(values)))
    np.testing.assert_array_equal(decoded, values.astype(np.float32))


def test_every_row_is_in_the_list_that_is_searched_for_it(vectors: np.ndarray, tmp_path: Path):
    build_index(vectors, "ivf-int8", tmp_path / "index.faiss", seed=0)
    opened = open_vectors(tmp_path / "index.faiss")
    for row in (0, 99, 399):
        only = RowSet.of_mask(np.arange(10) == opened.list_of_row[row])
        _, found = opened.first.search(vectors[row : row + 1], 1, params=opened.parameters(1, lists=only))
        assert found.tolist() == [[row]]


def test_a_flat_index_has_no_lists(vectors: np.ndarray, tmp_path: Path):
    build_index(vectors, "flat", tmp_path / "index.faiss", seed=0)
    with pytest.raises(ValueError, match="a flat index has no lists"):
        _ = open_vectors(tmp_path / "index.faiss").list_of_row


def test_the_type_of_an_inverted_file_without_full_vectors_is_its_faiss_class(vectors: np.ndarray, tmp_path: Path):
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(16), 16, 4, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    assert open_vectors(tmp_path / "index.faiss").type == "IndexIVFFlat"


def test_the_file_may_be_replaced_while_it_is_open(vectors: np.ndarray, tmp_path: Path):
    path = tmp_path / "index.faiss"
    build_index(vectors, "flat", path, seed=0)
    opened = open_vectors(path)
    build_index(vectors[::-1], "flat", path, seed=0)
    np.testing.assert_array_equal(opened.stored.reconstruct(0), vectors[0])


def test_the_type_of_other_refined_indexes_is_their_faiss_class(vectors: np.ndarray, tmp_path: Path):
    index = faiss.index_factory(16, "SQ8,RFlat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    assert open_vectors(tmp_path / "index.faiss").type.startswith("IndexRefine")


def test_a_file_that_is_not_an_index_is_refused(tmp_path: Path):
    (tmp_path / "index.faiss").write_bytes(b"no index")
    with pytest.raises(ReleaseError, match=r"index\.faiss is not a FAISS index"):
        open_vectors(tmp_path / "index.faiss")


def test_the_vectors_of_a_few_rows_are_read_without_the_others(tmp_path: Path):
    flat = faiss.IndexFlatIP(16)
    flat.add(np.ones((20_000, 16), np.float32))
    faiss.write_index(flat, str(tmp_path / "index.faiss"))
    opened = open_vectors(tmp_path / "index.faiss")
    opened.decoded(np.arange(3))
    tracemalloc.start()
    try:
        opened.decoded(np.arange(3))  # in this file, the values are not aligned
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()
