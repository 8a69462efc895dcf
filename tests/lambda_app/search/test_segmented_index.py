"""Search in segments without a filter, compared with exact search of their live rows."""

from pathlib import Path

import numpy as np
import pytest

from lambda_app.catalogue import delta
from lambda_app.catalogue.delta import write_delta
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.search import segmented_index
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.segmented_index import SegmentedIndex
from lambda_app.search.vectors import unit

COUNTS = (1_200, 300, 60, 40)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(3)
    found = unit(np.repeat(rng.normal(size=(160, 24)), 10, axis=0) + 0.4 * rng.normal(size=(1_600, 24)))
    return rng.permutation(found)


@pytest.fixture(scope="module", params=["flat", "ivf-float16", "ivf-int8"])
def indexes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, vectors: np.ndarray):
    """A base, a segment of inverted lists and two flat ones."""
    folder: Path = tmp_path_factory.mktemp("segments")
    entry = build_index(vectors[:1_200], request.param, folder / "0.faiss", seed=0)
    if entry.type != "flat":
        entry = entry.model_copy(update={"search": {"nprobe": 16, "factor": 8}})
    opened, start = [VectorIndex(folder / "0.faiss", entry, threads=1)], 1_200
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delta, "FLAT_UP_TO", 200)
        for number, count in enumerate(COUNTS[1:], start=1):
            written: IndexEntry = write_delta(folder / f"{number}.faiss", vectors[start : start + count], entry)
            opened.append(VectorIndex(folder / f"{number}.faiss", written, threads=1))
            start += count
    assert [index.type for index in opened[1:]] == ["ivf-float16", "flat", "flat"]
    return opened


def exact(vectors: np.ndarray, queries: np.ndarray, live: np.ndarray, k: int) -> np.ndarray:
    """The scores of the k nearest live rows: (q, at most k)."""
    scores = np.sort(queries @ vectors[live].T, axis=1)[:, ::-1]
    return scores[:, :k]


@pytest.mark.parametrize("dead", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("k", [1, 10, 40])
def test_the_nearest_live_rows_of_all_segments_are_found(indexes, vectors, dead, k):
    hidden = np.random.default_rng(7).random(1_600) < dead
    index = SegmentedIndex(indexes, LiveRows.without(COUNTS, hidden if dead else None))
    queries = vectors[::40]
    found, expected = index.search(queries, k), exact(vectors, queries, ~hidden, k)
    assert not hidden[found.rows].any()
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert all(len(set(rows)) == k for rows in found.rows.tolist())
    assert (found.scores >= expected[:, -1:] - 0.01).mean() >= 0.97
    np.testing.assert_allclose(found.scores, np.einsum("qd,qkd->qk", queries, vectors[found.rows]), atol=0.01)


def test_the_nearest_rows_are_found_if_all_others_near_the_query_are_dead(indexes, vectors):
    queries = vectors[[5, 1_300, 1_590]]
    hidden = np.zeros(1_600, np.bool_)
    hidden[np.argsort(-queries @ vectors.T, axis=1)[:, :150]] = True
    found = SegmentedIndex(indexes, LiveRows.without(COUNTS, hidden)).search(queries, 10)
    expected = exact(vectors, queries, ~hidden, 10)
    assert not hidden[found.rows].any()
    assert (found.scores >= expected[:, -1:] - 0.01).mean() >= 0.8


def test_all_live_rows_are_found_if_there_are_fewer_than_k(indexes, vectors):
    hidden = np.ones(1_600, np.bool_)
    hidden[[3, 900, 1_250, 1_510, 1_599]] = False
    found = SegmentedIndex(indexes, LiveRows.without(COUNTS, hidden)).search(vectors[:2], 10)
    assert [sorted(rows) for rows in found.rows.tolist()] == [[3, 900, 1_250, 1_510, 1_599]] * 2


def test_no_row_is_found_if_all_are_dead(indexes, vectors):
    found = SegmentedIndex(indexes, LiveRows.without(COUNTS, np.ones(1_600, np.bool_))).search(vectors[:1], 3)
    assert found.rows.tolist() == [[-1]]


def test_rows_that_are_equally_near_come_in_their_order(tmp_path, monkeypatch):
    same = np.eye(8, dtype=np.float32)[np.zeros(30, int)]
    entry = IndexEntry(file="base", sha256="0" * 64, bytes=1, count=1)
    written = [write_delta(tmp_path / f"{number}.faiss", same, entry) for number in range(2)]
    for copied in (0, 100):
        monkeypatch.setattr(segmented_index, "_MOST_COPIED", copied)
        opened = [VectorIndex(tmp_path / f"{number}.faiss", one) for number, one in enumerate(written)]
        hidden = np.zeros(60, np.bool_)
        hidden[:25] = True
        found = SegmentedIndex(opened, LiveRows.without((30, 30), hidden)).search(same[:1], 10)
        assert found.rows.tolist() == [list(range(25, 35))]
