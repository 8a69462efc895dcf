from pathlib import Path

import faiss
import numpy as np
import pytest

from lambda_app.search.building.choice import build_index
from lambda_app.search.first_pass import FirstPass
from lambda_app.search.vector_file import VectorFile, open_vectors
from lambda_app.search.vectors import unit


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return unit(np.random.default_rng(3).standard_normal((600, 32)).astype(np.float32))


@pytest.fixture(scope="module")
def file(vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> VectorFile:
    path = tmp_path_factory.mktemp("first") / "index.faiss"
    build_index(vectors, "ivf-int8", path, seed=0)
    return open_vectors(path)


@pytest.mark.parametrize("nprobe", [1, 3, 15])
def test_it_finds_what_faiss_finds(file: VectorFile, vectors: np.ndarray, nprobe: int):
    first = FirstPass.of(file, nprobe)
    assert first is not None
    for row in range(0, 600, 29):
        query = vectors[row : row + 1]
        _, expected = file.first.search(query, 20, params=file.parameters(nprobe))
        np.testing.assert_array_equal(first.candidates(query, 20), expected)


def test_lists_with_fewer_rows_than_wanted_leave_places_empty(file: VectorFile, vectors: np.ndarray):
    first = FirstPass.of(file, 1)
    assert first is not None
    rows = first.candidates(vectors[:1], 600)[0]
    own = np.flatnonzero(file.list_of_row == file.list_of_row[0])
    assert sorted(rows[rows >= 0]) == own.tolist()
    assert (rows[len(own) :] == -1).all()


def test_of_equally_near_lists_only_as_many_as_asked_for_are_read(file: VectorFile, vectors: np.ndarray):
    transform = faiss.downcast_VectorTransform(file.first.chain.at(0))
    first = FirstPass(file.inverted, transform, np.ones((file.lists, transform.d_out), np.float32), 3)
    rows = first.candidates(vectors[:1], 600)[0]
    found = rows[rows >= 0]
    assert len(set(file.list_of_row[found].tolist())) == 3
    assert len(set(found.tolist())) == len(found)


def test_a_query_that_is_no_number_finds_rows_like_any_other(file: VectorFile):
    first = FirstPass.of(file, 2)
    assert first is not None
    rows = first.candidates(np.full((1, 32), np.nan, np.float32), 5)
    assert rows.shape == (1, 5)
    assert ((rows >= -1) & (rows < 600)).all()


def test_other_files_are_left_to_faiss(vectors: np.ndarray, tmp_path: Path):
    build_index(vectors, "flat", tmp_path / "flat.faiss", seed=0)
    assert FirstPass.of(open_vectors(tmp_path / "flat.faiss"), 1) is None
    inverted = faiss.IndexIVFFlat(faiss.IndexFlatIP(32), 32, 4, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexRefine(
        inverted, faiss.IndexScalarQuantizer(32, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    )
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "other.faiss"))
    other = open_vectors(tmp_path / "other.faiss")
    assert other.inverted is not None
    assert FirstPass.of(other, 1) is None
