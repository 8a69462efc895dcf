from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest

from lambda_app.release.manifest import IndexEntry, file_entry
from lambda_app.search.building import merging, recall
from lambda_app.search.building.choice import build_index
from lambda_app.search.building.merging import merge_indexes
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.index_inspection import inspect_index
from lambda_app.search.vector_file import open_vectors
from lambda_app.search.vectors import unit
from tests.releases import write_index

DIM, ROWS = 16, 900
NONE = np.zeros(0, np.int64)


@pytest.fixture(autouse=True, scope="module")
def few_queries() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "_QUERIES", 200)
        patch.setattr(recall, "_TIMED", 5)
        yield


def random_vectors(count: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, DIM)))


def indexed(folder: Path, name: str, vectors: np.ndarray, kind: str) -> tuple[Path, IndexEntry]:
    path = folder / name
    if kind == "flat":
        write_index(path, vectors)
        return path, IndexEntry(**file_entry(path), count=len(vectors))
    return path, build_index(vectors, kind, path, seed=0)


def codes(path: Path) -> np.ndarray:
    file = open_vectors(path)
    size = file.stored.code_size
    return faiss.rev_swig_ptr(file.stored.codes.data(), file.stored.ntotal * size).reshape(-1, size).copy()


@pytest.fixture(scope="module", params=["flat", "ivf-float16", "ivf-int8"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, IndexEntry]:
    return indexed(tmp_path_factory.mktemp("base"), "base.faiss", random_vectors(ROWS, 0), request.param)


def test_stored_bits_stay_as_they_are_over_two_merges(base: tuple[Path, IndexEntry], tmp_path: Path):
    new = random_vectors(50, 1)
    before = codes(base[0])
    live = np.setdiff1d(np.arange(ROWS), [0, 5, 899])
    delta = indexed(tmp_path, "delta.faiss", new, "flat")
    once = merge_indexes([base, delta], [live, np.arange(1, 50)], np.full(49, -1), tmp_path / "once.faiss")
    inspect_index(tmp_path / "once.faiss", once.entry)
    np.testing.assert_array_equal(codes(tmp_path / "once.faiss")[: len(live)], before[live])
    # An update takes the stored vector of its row into a flat segment, and is merged again.
    middle = codes(tmp_path / "once.faiss")
    stored = VectorIndex(tmp_path / "once.faiss", once.entry)
    updated = indexed(tmp_path, "updated.faiss", stored.vectors([3, 920]), "flat")
    rest = np.setdiff1d(np.arange(once.entry.count), [3, 920])
    files = [(tmp_path / "once.faiss", once.entry), updated]
    twice = merge_indexes(files, [rest, np.arange(2)], np.array([3, 920]), tmp_path / "twice.faiss")
    inspect_index(tmp_path / "twice.faiss", twice.entry)
    np.testing.assert_array_equal(codes(tmp_path / "twice.faiss"), middle[[*rest, 3, 920]])


def test_each_row_is_found_by_its_own_vector(base: tuple[Path, IndexEntry], tmp_path: Path):
    old = random_vectors(ROWS, 0)
    new = unit(old[:80] + old[80:160])  # within the range of int8
    live = np.arange(0, ROWS, 2)
    delta = indexed(tmp_path, "delta.faiss", new, "flat")
    made = merge_indexes([base, delta], [live, np.arange(80)], np.full(80, -1), tmp_path / "made.faiss")
    assert (made.entry.type, made.entry.count) == (base[1].type, len(live) + 80)
    index = VectorIndex(tmp_path / "made.faiss", made.entry)
    asked = np.concatenate([old[live], new])
    found = index.search(asked, 1)
    assert np.mean(found.rows[:, 0] == np.arange(len(asked))) > 0.995
    np.testing.assert_allclose(found.scores[:, 0], 1, atol=0.005)


def test_a_row_with_another_photo_does_not_take_over_the_old_vector(base: tuple[Path, IndexEntry], tmp_path: Path):
    new = random_vectors(1, 3)
    delta = indexed(tmp_path, "delta.faiss", new, "flat")
    live = np.arange(1, ROWS)
    made = merge_indexes([base, delta], [live, np.arange(1)], np.array([0]), tmp_path / "made.faiss")
    kept = VectorIndex(tmp_path / "made.faiss", made.entry).vectors([ROWS - 1])
    np.testing.assert_allclose(kept, new, atol=0.02)


def test_a_base_whose_rows_are_all_dead_can_be_merged(base: tuple[Path, IndexEntry], tmp_path: Path):
    delta = indexed(tmp_path, "delta.faiss", random_vectors(3, 4), "flat")
    made = merge_indexes([base, delta], [NONE, np.arange(3)], np.full(3, -1), tmp_path / "made.faiss")
    inspect_index(tmp_path / "made.faiss", made.entry)
    index = VectorIndex(tmp_path / "made.faiss", made.entry)
    assert sorted(index.search(random_vectors(1, 5), 3).rows[0]) == [0, 1, 2]


def test_centroids_stay_while_recall_does(tmp_path: Path):
    base = indexed(tmp_path, "base.faiss", random_vectors(ROWS, 0), "ivf-float16")
    delta = indexed(tmp_path, "delta.faiss", random_vectors(50, 1), "flat")
    made = merge_indexes([base, delta], [np.arange(ROWS), np.arange(50)], np.full(50, -1), tmp_path / "made.faiss")
    assert made.centroids == "kept"
    assert made.entry.search == base[1].search
    assert made.entry.recall_at_10 == base[1].recall_at_10
    assert made.entry.stored_recall == pytest.approx(base[1].recall_at_10, abs=0.002)
    again = merge_indexes([(tmp_path / "made.faiss", made.entry)], [np.arange(10, 950)], NONE, tmp_path / "again.faiss")
    assert again.entry.stored_recall == made.entry.stored_recall  # that of the first centroids, not of the last merge


@pytest.mark.parametrize("kind", ["ivf-float16", "ivf-int8"])
def test_recall_that_fell_gets_new_centroids_and_rises_again(tmp_path: Path, kind: str):
    path, entry = indexed(tmp_path, "base.faiss", random_vectors(ROWS, 0), kind)
    old = entry.model_copy(update={"search": {"nprobe": 2, "factor": 4}, "stored_recall": 0.99, "recall_at_10": 0.98})
    made = merge_indexes([(path, old)], [np.arange(ROWS - 1)], NONE, tmp_path / "made.faiss")
    assert made.centroids == "new"
    assert made.lost is not None
    assert made.lost > merging.MOST_LOST_RECALL
    assert made.entry.stored_recall is not None
    assert made.entry.stored_recall > 0.98
    assert made.entry.recall_at_10 == pytest.approx(0.98 + made.entry.stored_recall - 0.99, abs=1e-9)
    np.testing.assert_array_equal(codes(tmp_path / "made.faiss"), codes(path)[:-1])
    inspect_index(tmp_path / "made.faiss", made.entry)


def test_lists_that_became_long_get_new_centroids(tmp_path: Path):
    base = indexed(tmp_path, "base.faiss", random_vectors(60, 0), "ivf-float16")
    delta = indexed(tmp_path, "delta.faiss", random_vectors(400, 1), "flat")
    made = merge_indexes([base, delta], [np.arange(60), np.arange(400)], np.full(400, -1), tmp_path / "made.faiss")
    assert made.centroids == "new"
    assert open_vectors(tmp_path / "made.faiss").lists == 11


def test_a_flat_base_that_outgrows_exact_search_becomes_an_inverted_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    base = indexed(tmp_path, "base.faiss", random_vectors(300, 0), "flat")
    delta = indexed(tmp_path, "delta.faiss", random_vectors(100, 1), "flat")
    both = [base, delta], [np.arange(300), np.arange(100)], np.full(100, -1)
    monkeypatch.setattr("lambda_app.search.building.choice.EXACT_UP_TO", 350)
    monkeypatch.setattr(merging, "EXACT_UP_TO", 350)
    assert merge_indexes(*both, tmp_path / "made.faiss").entry.type == "ivf-float16"
    monkeypatch.setattr(merging, "EXACT_UP_TO", 250)  # it was chosen to be flat beyond that
    assert merge_indexes(*both, tmp_path / "made.faiss").entry.type == "flat"


def test_vectors_outside_the_range_of_int8_make_the_index_float16(tmp_path: Path):
    narrow = unit(np.random.default_rng(0).normal(size=(400, DIM)) * 0.1 + np.eye(DIM)[0])
    base = indexed(tmp_path, "base.faiss", narrow, "ivf-int8")
    delta = indexed(tmp_path, "delta.faiss", random_vectors(50, 1), "flat")
    made = merge_indexes([base, delta], [np.arange(400), np.arange(50)], np.full(50, -1), tmp_path / "made.faiss")
    assert made.entry.type == "ivf-float16"
    index = VectorIndex(tmp_path / "made.faiss", made.entry)
    np.testing.assert_allclose(index.vectors(range(400, 450)), random_vectors(50, 1), atol=1e-3)
    np.testing.assert_allclose(index.vectors(range(400)), VectorIndex(*base).vectors(range(400)), atol=1e-3)


def test_updates_in_a_segment_with_inverted_lists_keep_their_bits(base: tuple[Path, IndexEntry], tmp_path: Path):
    """Such a segment stores float16, whatever the base stores."""
    old = np.arange(100)
    delta = indexed(tmp_path, "delta.faiss", VectorIndex(*base).vectors(range(100)), "ivf-float16")
    rest = np.arange(100, ROWS)
    made = merge_indexes([base, delta], [rest, np.arange(100)], old, tmp_path / "made.faiss")
    inspect_index(tmp_path / "made.faiss", made.entry)
    np.testing.assert_array_equal(codes(tmp_path / "made.faiss"), codes(base[0])[[*rest, *old]])
