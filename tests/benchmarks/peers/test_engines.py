"""The engines that are installed with FAISS; the others are measured with the extra `peers` alone."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.bench.neighbours.exact import exact_floor, recall_at_k
from benchmarks.peers.engines import ENGINES, OURS
from lambda_app.release.row_set import RowSet
from lambda_app.search.vectors import unit

INSTALLED = [name for name, engine in ENGINES.items() if engine.missing() is None]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    centres = np.random.default_rng(0).standard_normal((40, 64))
    around = np.repeat(centres, 75, axis=0) + 0.4 * np.random.default_rng(1).standard_normal((3000, 64))
    return unit(around).astype(np.float16)


@pytest.mark.parametrize("name", INSTALLED)
def test_each_engine_finds_neighbours_with_its_last_setting(name: str, vectors: np.ndarray, tmp_path: Path):
    engine = ENGINES[name]
    engine.build(vectors, tmp_path)
    opened, queries = engine.open(tmp_path), unit(vectors[:20])
    last = engine.ladders[-1][-1]
    found = np.stack([opened.search(query, last, None) for query in queries])
    assert recall_at_k(vectors, queries, found, exact_floor(vectors, queries, None)) > 0.95
    if engine.filters:
        allowed = RowSet.of_mask(np.arange(3000) % 2 == 0)
        found = np.stack([opened.search(query, last, allowed) for query in queries])
        assert allowed.holds(found[found >= 0]).all()


def test_ours_needs_no_package():
    assert ENGINES[OURS].missing() is None
    assert ENGINES["hnswlib"].package == "hnswlib"
