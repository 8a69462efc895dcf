from pathlib import Path

import numpy as np
import pytest

from lambda_app.catalogue import delta
from lambda_app.catalogue.delta import write_delta
from lambda_app.release.manifest import IndexEntry
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.index_inspection import inspect_index
from lambda_app.search.vectors import unit


def base(recall: float | None) -> IndexEntry:
    return IndexEntry(file="index.faiss", sha256="0" * 64, bytes=1, count=1, recall_at_10=recall)


@pytest.fixture
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return unit(np.repeat(rng.normal(size=(60, 16)), 10, axis=0) + 0.3 * rng.normal(size=(600, 16)))


def test_few_rows_are_searched_exactly(tmp_path: Path, vectors: np.ndarray):
    entry = write_delta(tmp_path / "few.faiss", vectors, base(0.98))
    assert (entry.type, entry.count, entry.recall_at_10, entry.search) == ("flat", 600, 1.0, {})


@pytest.mark.parametrize("recall", [0.5, 0.98, None])
def test_many_rows_are_found_as_surely_as_those_of_the_base(
    tmp_path: Path, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch, recall: float | None
):
    monkeypatch.setattr(delta, "FLAT_UP_TO", 500)
    monkeypatch.setattr(delta, "_NPROBES", (1, 2, 3, 4, 6, 8, 16))
    entry = write_delta(tmp_path / "many.faiss", vectors, base(recall))
    inspect_index(tmp_path / "many.faiss", entry)
    assert entry.type == "ivf-float16"
    assert (entry.recall_at_10 or 0) >= min(delta.MOST_RECALL, (recall or 1.0))
    assert entry.search["nprobe"] < 15 if recall == 0.5 else entry.search["nprobe"] >= 1
    index = VectorIndex(tmp_path / "many.faiss", entry)
    assert (index.search(vectors[:50], 1).rows[:, 0] == np.arange(50)).mean() >= 0.9
