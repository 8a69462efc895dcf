import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_app.errors import NotLiveError, OverdueError
from lambda_app.recommendation.live import LiveRelease
from lambda_app.release.manifest import ModelEntry, file_entry
from tests.crafted import networks
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_app.recommendation.troubled import (
    PATIENT,
    Clock,
    TroubledStore,
    finish_loading,
    finish_looking,
    holder,
)


def test_all_who_wait_for_a_store_that_hangs_are_answered_in_time_by_one_look(
    store: TroubledStore, built: BuiltRelease, publish
):
    publish(built)
    store.pointer_open.clear()
    live = holder(store, replace(PATIENT, ready_wait_seconds=0.5))
    waited: list[float] = []

    def ask() -> None:
        begun = time.monotonic()
        with pytest.raises(NotLiveError, match="has not been read yet"):
            live.current()
        waited.append(time.monotonic() - begun)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(waited) == 5
    assert max(waited) < 10  # the store hangs for 20 s
    assert store.looks == 1
    store.pointer_open.set()
    finish_loading(store)
    assert live.current().release == built.manifest.release


def test_who_has_waited_long_enough_elsewhere_is_answered_at_once(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    store.pointer_open.clear()
    live = holder(store)
    begun = time.monotonic()
    for waited in (20, 300):
        with pytest.raises(NotLiveError, match="has not been read yet"):
            live.current(waited=waited)
    assert time.monotonic() - begun < 10  # the store hangs for 20 s
    store.pointer_open.set()
    finish_loading(store)


@pytest.mark.parametrize("reload_wait_seconds", [0, 20])
def test_no_request_waits_for_a_store_that_hangs_while_a_release_is_live(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish, reload_wait_seconds: float
):
    publish(built)
    live = LiveRelease(store, replace(PATIENT, reload_wait_seconds=reload_wait_seconds))
    first = live.current()
    publish(other)
    finish_looking()
    store.pointer_open.clear()
    looks = store.looks
    begun = time.monotonic()
    assert [live.current() for _ in range(10)] == [first] * 10
    assert time.monotonic() - begun < 10  # the store hangs for 20 s
    assert store.looks <= looks + 1
    finish_loading(store)
    live.current()
    finish_loading(store)
    assert live.current().release == other.manifest.release


def test_requests_that_come_at_once_share_one_load(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    live = holder(store)
    store.open.clear()
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(live.current().release)) for _ in range(6)]
    for thread in threads:
        thread.start()
    store.open.set()
    for thread in threads:
        thread.join(20)
    assert answers == [built.manifest.release] * 6
    assert store.loads == 1


def test_who_waits_too_long_hears_that_it_loads(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    store.open.clear()
    live = holder(store, replace(PATIENT, ready_wait_seconds=0))
    live.begin()
    finish_looking()
    with pytest.raises(NotLiveError, match=f"release {built.manifest.release} is loading"):
        live.current()


def test_one_request_looks_at_the_pointer_and_the_others_go_on(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    live = holder(store)
    first = live.current()
    store.looked_at.clear()
    store.pointer_open.clear()
    looking = threading.Thread(target=live.current)
    looking.start()
    assert store.looked_at.wait(20)
    looks = store.looks
    assert live.current() is first
    assert store.looks == looks
    store.pointer_open.set()
    looking.join(20)


@pytest.fixture
def endless(tmp_path: Path, other: BuiltRelease) -> BuiltRelease:
    """`other` with a network that does not end."""
    folder = tmp_path / "endless"
    shutil.copytree(other.folder, folder)
    networks.endless_loop(folder / "model.onnx")
    model = ModelEntry.model_validate(other.manifest.model.model_dump() | file_entry(folder / "model.onnx"))
    manifest = other.manifest.model_copy(update={"model": model})
    (folder / "manifest.json").write_bytes(manifest.to_json())
    return BuiltRelease(folder, manifest)


def test_a_release_that_hangs_never_replaces_one_that_answers(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, endless: BuiltRelease, publish
):
    publish(built)
    clock = Clock()
    live = LiveRelease(store, replace(PATIENT, forward_seconds=0.2), clock=clock)
    first = live.current()
    publish(endless)
    assert live.current() is first
    assert store.loads == 2
    # Tried again after a pause, since the machine may have been busy; in vain.
    assert live.current() is first
    assert store.loads == 2
    clock.now += 1.1
    assert live.current() is first
    assert store.loads == 3
    assert first.recommender.analyse(built.photo("003a")).embedding.shape == (16,)
    store.delete(f"releases/{other.manifest.release}/manifest.json")  # it has the same id
    publish(other)
    assert live.current().recommender.manifest == other.manifest


def test_the_first_release_of_a_process_is_loaded_without_a_forward_pass(
    store: TroubledStore, built: BuiltRelease, endless: BuiltRelease, publish
):
    publish(endless)
    live = LiveRelease(store, replace(PATIENT, forward_seconds=0.2))
    current = live.current()
    # The first photo has the deadline instead.
    with pytest.raises(OverdueError):
        current.recommender.analyse(built.photo("003a"))
    publish(built)
    assert live.current().recommender.analyse(built.photo("003a")).embedding.shape == (16,)
