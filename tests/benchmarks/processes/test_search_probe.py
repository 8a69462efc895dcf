from pathlib import Path

import faiss
import numpy as np
import pytest

from benchmarks.inputs.synthetic import DIM, SyntheticCatalogue
from benchmarks.processes.search_probe import UNFILTERED, measure
from lambda_app.release.row_set import RowSet
from lambda_app.search.building.choice import build_index

pytestmark = pytest.mark.slow


def test_an_index_is_searched_with_and_without_filters(tmp_path: Path):
    catalogue = SyntheticCatalogue(500)
    vectors = next(catalogue.blocks())
    np.save(tmp_path / "queries.npy", catalogue.queries(20))
    few = RowSet.of_mask(np.arange(500) < 4)
    np.savez(tmp_path / "filters.npz", few=few.bits)
    entry = build_index(vectors, "ivf-int8", tmp_path / "index.faiss", seed=0)
    (tmp_path / "index.json").write_text(entry.model_dump_json())
    figures = measure(tmp_path, exact=False, rounds=2, count=5)
    assert figures.fewest == {UNFILTERED: 10, "few": 4}
    assert [len(seconds) for seconds in figures.seconds.values()] == [2, 2]
    assert figures.first > 0
    with np.load(tmp_path / "found.npz") as found:
        assert set(found["few"].ravel()) == {0, 1, 2, 3}


def test_the_baseline_searches_exactly(tmp_path: Path):
    catalogue = SyntheticCatalogue(500)
    index = faiss.IndexFlatIP(DIM)
    index.add(next(catalogue.blocks()))
    faiss.write_index(index, str(tmp_path / "flat.faiss"))
    np.save(tmp_path / "queries.npy", catalogue.queries(20))
    figures = measure(tmp_path, exact=True, rounds=1, count=5)
    assert list(figures.seconds) == [UNFILTERED]
    assert not (tmp_path / "found.npz").exists()
