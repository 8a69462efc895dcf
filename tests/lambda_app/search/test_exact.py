import numpy as np
import pytest

from lambda_app.release.manifest import IndexEntry, file_entry
from lambda_app.search import exact
from lambda_app.search.exact import nearest_row
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import unit
from tests.releases import write_index


@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_the_nearest_of_the_rows_is_that_of_numpy(tmp_path, monkeypatch, block):
    monkeypatch.setattr(exact, "_BLOCK", block)
    random = np.random.default_rng(0)
    vectors, queries = (unit(random.normal(size=(count, 8)).astype(np.float32)) for count in (50, 6))
    vectors[30] = vectors[20]  # equally near: the lower row wins
    queries[5] = vectors[20]
    write_index(tmp_path / "index.faiss", vectors)
    index = VectorIndex(tmp_path / "index.faiss", IndexEntry(count=50, **file_entry(tmp_path / "index.faiss")))
    rows = np.arange(10, 50)
    found = nearest_row(index, rows, queries)
    cosines = queries @ vectors[10:].T
    assert found.rows[:, 0].tolist() == (10 + cosines.argmax(axis=1)).tolist()
    np.testing.assert_allclose(found.scores[:, 0], cosines.max(axis=1), atol=1e-6)
    assert found.rows[5, 0] == 20
