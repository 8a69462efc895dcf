"""Which release may follow which, by its figures; and what is read and written for that."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambda_app.errors import RefusedReleaseError
from lambda_app.promotion.promotion import Promotion, manifest_key, promote_archive
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import Manifest, Pointer
from lambda_app.settings import Settings
from lambda_app.store.contract import OBJECTS, LivePointer
from lambda_app.store.folder import FolderStore
from tests.archives import build_archive, with_a_flipped_byte
from tests.releases import CREATED_AT

SETTINGS = Settings(store="unused", threads=1)
LATER, LAST = CREATED_AT + timedelta(hours=1), CREATED_AT + timedelta(hours=2)


class WatchedStore(FolderStore):
    """Counts what promotion does; lets a rival promotion come first where a test sets one."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.pointer_reads = 0
        self.uploads: list[str] = []
        self.rival: Callable[[], Promotion] | None = None

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        self.pointer_reads += 1
        return super().read_pointer(unless)

    def upload(self, key: str, source: Path) -> None:
        self.uploads.append(key)
        super().upload(key, source)

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        rival, self.rival = self.rival, None
        if rival is not None:
            rival()
        super().write_pointer(pointer, expected)


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "store")


def promote(store: FolderStore, archive: Path) -> Promotion:
    return promote_archive(store, archive, SETTINGS)


def live_release(store: FolderStore) -> str:
    live = store.read_pointer()
    assert live is not None
    return live.pointer.release


def figures(figure: str, value: float) -> dict[str, Any]:
    """Accuracy and recall@4 of 0.9, but for one."""
    test: dict[str, Any] = {"accuracy": 0.9, "retrieval": {"embedding": {"recall@4": 0.9}}}
    (test if figure == "accuracy" else test["retrieval"]["embedding"])[figure] = value
    return {"test": test}


@pytest.fixture
def first(tmp_path: Path, store: WatchedStore) -> Manifest:
    """Live, with 0.9 in both figures."""
    archive, manifest = build_archive(tmp_path / "first")
    assert promote(store, archive).outcome == "live"
    return manifest


@pytest.mark.parametrize("figure", ["accuracy", "recall@4"])
def test_a_figure_less_than_three_points_under_the_live_one_is_let_pass(tmp_path, store, first, figure):
    archive, near = build_archive(tmp_path / "near", seed=1, created_at=LATER, evaluation=figures(figure, 0.8701))
    assert promote(store, archive).outcome == "live"
    assert live_release(store) == near.release


@pytest.mark.parametrize("figure", ["accuracy", "recall@4"])
def test_a_figure_more_than_three_points_under_the_live_one_is_refused_unless_forced(tmp_path, store, first, figure):
    worse = figures(figure, 0.8699)
    archive, refused = build_archive(tmp_path / "worse", seed=1, created_at=LATER, evaluation=worse)
    with pytest.raises(RefusedReleaseError, match=rf"{figure} 0\.870; the live {first.release} has 0\.900"):
        promote(store, archive)
    assert live_release(store) == first.release
    assert not store.exists(manifest_key(refused.release))
    archive, forced = build_archive(tmp_path / "forced", seed=1, created_at=LATER, evaluation=worse, force=True)
    assert promote(store, archive).outcome == "live"
    assert live_release(store) == forced.release


def test_a_release_without_figures_is_let_pass(tmp_path, store, first):
    archive, _ = build_archive(tmp_path / "unmeasured", seed=1, created_at=LATER, evaluation={})
    assert promote(store, archive).outcome == "live"


def test_figures_are_judged_before_the_files_are(tmp_path, store, first):
    archive, _ = build_archive(tmp_path / "worse", seed=1, created_at=LATER, accuracy=0.5)
    with pytest.raises(RefusedReleaseError, match="test accuracy"):
        promote(store, with_a_flipped_byte(archive))


def test_an_undisturbed_promotion_reads_the_pointer_twice(tmp_path, store, first):
    assert store.pointer_reads == 2
    archive, _ = build_archive(tmp_path / "second", seed=1, created_at=LATER)
    promote(store, archive)
    assert store.pointer_reads == 4


@pytest.fixture
def rival(tmp_path: Path, store: WatchedStore) -> Manifest:
    """Of 0.9 in both figures, and promoted just before the next write of the pointer."""
    archive, manifest = build_archive(tmp_path / "rival", seed=2, created_at=LATER)
    store.rival = lambda: promote(FolderStore(store.root), archive)
    return manifest


def test_a_promotion_that_lost_a_race_follows_the_winner(tmp_path, store, rival):
    archive, last = build_archive(tmp_path / "last", seed=1, created_at=LAST)
    assert promote(store, archive).outcome == "live"
    assert store.pointer_reads == 3  # once early, once for each of two tries
    assert store.read_pointer().pointer.release == last.release
    assert store.read_pointer().pointer.previous == rival.release


def test_the_winner_of_a_race_sets_the_floor(tmp_path, store, rival):
    archive, _ = build_archive(tmp_path / "last", seed=1, created_at=LAST, accuracy=0.5)
    with pytest.raises(RefusedReleaseError, match=rf"accuracy 0\.500; the live {rival.release} has 0\.900"):
        promote(store, archive)
    assert live_release(store) == rival.release


def test_a_promotion_that_an_even_later_one_overtakes_is_superseded(tmp_path, store, rival):
    archive, early = build_archive(tmp_path / "early", seed=1)
    assert promote(store, archive).outcome == "superseded"
    assert live_release(store) == rival.release
    assert store.exists(manifest_key(early.release))


def test_objects_that_the_store_holds_are_not_uploaded_again(tmp_path, store, first):
    objects = [OBJECTS + entry.sha256 for entry in first.files()]
    assert sorted(store.uploads) == sorted(objects)
    store.uploads.clear()
    again = first.model_copy(update={"release": "a-later-release", "created_at": LATER})
    assert promote(store, write_archive(tmp_path / "again.tar", again, tmp_path / "first")).outcome == "live"
    assert store.uploads == []
    store.delete(objects[0])
    last = first.model_copy(update={"release": "the-last-release", "created_at": LAST})
    assert promote(store, write_archive(tmp_path / "last.tar", last, tmp_path / "first")).outcome == "live"
    assert store.uploads == [objects[0]]
