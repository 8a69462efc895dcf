import gc
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_app.errors import NotLiveError
from lambda_app.model.session import Model
from lambda_app.recommendation.query import SimilarQuery
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_app.recommendation.troubled import (
    PATIENT,
    Clock,
    TroubledStore,
    damage,
    finish_loading,
    finish_looking,
    holder,
)
from tests.releases import build_release, move_pointer, publish_directly
from tests.segments import added_products, extend_release


def test_nothing_is_read_before_the_first_request(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    live = holder(store)
    assert live.peek() is None
    assert store.looks == store.loads == 0
    current = live.current()
    assert current.release == built.manifest.release
    assert live.peek() is current
    assert current.recommender.item("003a").product_id == "product-003"


def test_an_empty_store_says_so_until_something_is_promoted(store: TroubledStore, built: BuiltRelease, publish):
    live = holder(store, replace(PATIENT, reload_seconds=30))
    with pytest.raises(NotLiveError, match="nothing has been promoted"):
        live.current()
    publish(built)
    assert live.current().release == built.manifest.release


def test_nothing_is_looked_at_again_while_the_first_release_loads(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    store.open.clear()
    live = holder(store, replace(PATIENT, reload_seconds=30, ready_wait_seconds=0))
    with pytest.raises(NotLiveError):
        live.current()
    finish_looking()
    for _ in range(2):
        with pytest.raises(NotLiveError, match="is loading"):
            live.current()
    assert store.looks == 1


def test_the_pointer_is_looked_at_once_in_reload_seconds(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish
):
    publish(built)
    clock = Clock()
    live = holder(store, replace(PATIENT, reload_seconds=30), clock=clock)
    assert live.current().release == built.manifest.release
    publish(other)
    looks = store.looks
    clock.now += 29.9
    assert live.current().release == built.manifest.release
    assert store.looks == looks
    clock.now += 0.2
    assert live.current().release == other.manifest.release
    assert store.looks == looks + 1


def test_an_unchanged_pointer_loads_nothing(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    live = holder(store)
    first = live.current()
    assert all(live.current() is first for _ in range(5))
    assert store.loads == 1


def test_the_old_release_answers_while_the_new_one_loads(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish
):
    publish(built)
    live = holder(store, replace(PATIENT, reload_wait_seconds=0))
    first = live.current()
    store.open.clear()
    publish(other)
    assert live.current() is first
    assert live.current() is first
    finish_loading(store)
    assert live.current().release == other.manifest.release
    assert store.loads == 2  # one for each release, however many requests
    # Whoever still holds the old one may use it to the end.
    assert first.recommender.similar_to("003a", SimilarQuery())[0].item.image_id


def test_a_request_that_may_wait_is_answered_by_the_new_release(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish
):
    publish(built)
    live = holder(store)
    live.current()
    store.open.clear()
    publish(other)
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(live.current().release))
    waiting.start()
    store.open.set()
    waiting.join(20)
    assert answers == [other.manifest.release]


def test_a_rollback_to_the_loaded_release_loads_nothing(store: TroubledStore, built: BuiltRelease, other: BuiltRelease):
    publish_directly(store, built.folder, built.manifest)
    live = holder(store)
    first = live.current()
    pointer = publish_directly(store, other.folder, other.manifest)
    damage(store, other)
    live.current()
    loads = store.loads
    back = first.pointer.model_copy(update={"previous": pointer.release})
    move_pointer(store, back)
    now = live.current()
    assert (now.recommender, now.pointer) == (first.recommender, back)
    assert store.loads == loads


def test_after_a_swap_only_the_files_of_the_new_release_are_kept(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish
):
    publish(built)
    live = holder(store)
    live.current()
    publish(other)
    damage(store, other)
    live.current()
    served = [[entry.sha256 for entry in release.manifest.serving_files()] for release in (built, other)]
    assert store.kept == served[:1]  # one that does not load takes nothing away
    store.upload(f"objects/{other.manifest.index.sha256}", other.folder / "index.faiss")
    pointer = publish_directly(store, other.folder, other.manifest, previous=built.manifest.release)
    assert live.current().release == pointer.release
    assert store.kept == served


def test_a_pointer_that_moves_while_its_release_loads_wins(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish, tmp_path: Path
):
    publish(built)
    live = holder(store, replace(PATIENT, reload_wait_seconds=0))
    live.current()
    store.open.clear()
    third = BuiltRelease(tmp_path / "third", build_release(tmp_path / "third", seed=3))
    publish(other)
    live.current()  # starts to load it
    finish_looking()
    publish(third)
    live.current()  # sees the pointer move on
    finish_looking()
    finish_loading(store)
    assert live.current().release == third.manifest.release
    assert store.loads == 3


def test_a_swap_gives_the_old_release_back(store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish):
    publish(built)
    live = holder(store)
    old = weakref.ref(live.current().recommender)
    publish(other)
    assert live.current().release == other.manifest.release
    finish_loading(store)
    gc.collect()
    assert old() is None


def test_releases_of_one_model_open_one_session_and_fetch_what_is_new(
    store: TroubledStore, built: BuiltRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sessions, passes = [], []

    class Counted(Model):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            sessions.append(self)

        def try_size(self, size: int) -> None:
            passes.append(size)

    monkeypatch.setattr("lambda_app.recommendation.parts.Model", Counted)
    publish_directly(store, built.folder, built.manifest)
    live = holder(store)
    live.current()
    folder, manifest = built.folder, built.manifest
    for number in range(3):
        new = added_products(
            tmp_path / f"new-{number}", folder / "model.onnx", 2, seed=50 + number, prefix=f"{number}-"
        )
        store.fetched.clear()
        manifest = extend_release(tmp_path / f"{number}", folder, manifest, segments=[new], dead=[number])
        folder = tmp_path / f"{number}"
        publish_directly(store, folder, manifest)
        now = live.current()
        assert now.release == manifest.release
        assert now.recommender.item(f"{number}-001b") == new.items[3]
        segment = manifest.segments[-1]
        assert sorted(store.fetched) == sorted([segment.index.file, segment.catalog.file, "dead.bits"])
        assert store.kept[-1] == [entry.sha256 for entry in manifest.serving_files()]
    assert (len(sessions), passes) == (1, [])
