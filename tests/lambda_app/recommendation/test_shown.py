"""Blocked items in the live release: gone within one look, whatever happens to the releases."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_app.errors import NotLiveError, StoreError, UnknownItemError
from lambda_app.recommendation.live import Live, LiveRelease
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.store.blocked import block, unblock
from lambda_app.store.contract import BLOCKED, Versioned
from tests.engines import segments_of
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_app.recommendation.troubled import (
    PATIENT,
    Clock,
    TroubledStore,
    finish_loading,
    finish_looking,
    holder,
)
from tests.releases import move_pointer, publish_directly

EVERYTHING = SimilarQuery(k=40, distinct="image")


def shown(live: Live) -> list[str]:
    """The image ids of all items that a search can find."""
    recommender = live.recommender
    return sorted(
        match.item.image_id for match in recommender.similar(segments_of(recommender).indexes[0].vector(6), EVERYTHING)
    )


def is_gone(live: Live, image_id: str) -> bool:
    """Whether no answer names the item."""
    try:
        live.recommender.item(image_id)
    except UnknownItemError:
        with pytest.raises(UnknownItemError):
            live.recommender.similar_to(image_id, EVERYTHING)
        with pytest.raises(UnknownItemError):
            live.recommender.recommend([image_id], [], EVERYTHING)
        return image_id not in shown(live)
    return False


class Unreadable(TroubledStore):
    """A store whose blocked items cannot be read when a test says so."""

    blocked_error: Exception | None = None
    blocked_reads = 0
    blocked_open: threading.Event | None = None

    def read_versioned(self, key: str, unless: str | None = None) -> Versioned | None:
        if key == BLOCKED:
            self.blocked_reads += 1
            assert self.blocked_open is None or self.blocked_open.wait(20)
            if self.blocked_error:
                raise self.blocked_error
        return super().read_versioned(key, unless)


@pytest.fixture
def troubled(tmp_path: Path, built: BuiltRelease) -> Unreadable:
    store = Unreadable(tmp_path / "troubled")
    publish_directly(store, built.folder, built.manifest)
    return store


def test_blocked_items_are_gone_after_one_look_without_a_load(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    clock = Clock()
    live = holder(store, replace(PATIENT, reload_seconds=30), clock)
    first = live.current()
    assert len(shown(first)) == 40
    block(store, ["003a"], ["product-005"])
    clock.now += 29
    assert live.current() is first
    clock.now += 2
    now = live.current()
    assert all(is_gone(now, image_id) for image_id in ("003a", "005a", "005b"))
    assert len(shown(now)) == 37
    assert now.recommender.item("003b").product_id == "product-003"
    assert (store.loads, now.release, now.loaded_at) == (1, first.release, first.loaded_at)
    unblock(store, ["003a"], ["product-005"])
    clock.now += 31
    assert live.current().recommender.item("003a") == first.recommender.item("003a")
    assert store.loads == 1


def test_a_look_that_finds_nothing_new_changes_nothing(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    block(store, ["003a"])
    live = holder(store)
    first = live.current()
    assert is_gone(first, "003a")
    assert all(live.current() is first for _ in range(5))


def test_what_is_blocked_stays_so_in_the_next_release_and_after_a_rollback(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish: Callable[[BuiltRelease], str]
):
    publish(built)
    live = holder(store)
    first = live.current()
    publish(other)
    block(store, ["003a"])
    now = live.current()
    assert now.release == other.manifest.release
    assert is_gone(now, "003a")
    move_pointer(store, first.pointer)
    back = live.current()
    assert back.release == built.manifest.release
    assert is_gone(back, "003a")


def test_items_are_blocked_while_another_release_loads(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish: Callable[[BuiltRelease], str]
):
    publish(built)
    live = holder(store, replace(PATIENT, reload_wait_seconds=0))
    live.current()
    store.open.clear()
    publish(other)
    live.current()
    finish_looking()
    block(store, ["003a"])
    live.current()
    finish_looking()
    during = live.current()
    assert during.release == built.manifest.release
    assert is_gone(during, "003a")
    finish_looking()
    finish_loading(store)
    after = live.current()
    assert after.release == other.manifest.release
    assert is_gone(after, "003a")


@pytest.mark.parametrize("error", [StoreError("S3 did not respond"), RuntimeError("a bug")])
def test_what_was_blocked_stays_so_if_it_cannot_be_read_again(
    troubled: Unreadable, other: BuiltRelease, error: Exception
):
    block(troubled, ["003a"])
    live = holder(troubled)
    assert is_gone(live.current(), "003a")
    troubled.blocked_error = error
    publish_directly(troubled, other.folder, other.manifest)
    now = live.current()
    assert now.release == other.manifest.release
    assert is_gone(now, "003a")


def test_a_damaged_file_keeps_what_was_blocked(troubled: Unreadable):
    block(troubled, ["003a"])
    live = holder(troubled)
    live.current()
    troubled.write(BLOCKED, b"{")
    assert is_gone(live.current(), "003a")
    troubled.delete(BLOCKED)
    assert live.current().recommender.item("003a")


def test_nothing_goes_live_before_it_is_known_what_is_blocked(troubled: Unreadable):
    block(troubled, ["003a"])
    troubled.blocked_error = StoreError("S3 did not respond")
    live = holder(troubled)
    with pytest.raises(NotLiveError, match=r"blocked\.json cannot be read, .*: S3 did not respond"):
        live.current()
    assert live.peek() is None
    troubled.blocked_error = None
    assert is_gone(live.current(), "003a")
    assert troubled.loads == 1  # the release was loaded meanwhile


def test_nothing_goes_live_with_a_damaged_file(troubled: Unreadable):
    troubled.write(BLOCKED, b'{"format": 9}')
    live = holder(troubled)
    for _ in range(2):
        with pytest.raises(NotLiveError, match=r"blocked\.json of .* is damaged: format"):
            live.current()
    assert troubled.loads == 1


def test_an_empty_store_is_not_asked_for_blocked_items(tmp_path: Path):
    store = Unreadable(tmp_path / "empty")
    with pytest.raises(NotLiveError, match="nothing has been promoted"):
        LiveRelease(store, PATIENT).current()
    assert store.blocked_reads == 0


def test_a_catalog_that_cannot_be_searched_for_blocked_items_does_not_stop_the_looks(
    store: TroubledStore, built: BuiltRelease, publish: Callable[[BuiltRelease], str]
):
    publish(built)
    live = holder(store)
    first = live.current()
    segments_of(first.recommender).catalogs[0].close()
    block(store, ["003a"])
    assert live.current() is first
    looks = store.looks
    assert live.current() is first
    assert store.looks > looks
    assert not [thread for thread in threading.enumerate() if thread.name == "release-loader"]


IDLE = replace(PATIENT, reload_seconds=30, reload_wait_seconds=0)


def test_the_first_request_after_a_pause_does_not_show_what_was_blocked_meanwhile(troubled: Unreadable):
    clock = Clock()
    live = holder(troubled, IDLE, clock)
    assert not is_gone(live.current(), "003a")
    block(troubled, ["003a"])
    clock.now += 7_200
    assert is_gone(live.current(), "003a")


def test_a_request_within_the_interval_reads_nothing(troubled: Unreadable):
    clock = Clock()
    live = holder(troubled, IDLE, clock)
    first = live.current()
    finish_looking()
    reads = troubled.blocked_reads
    clock.now += 29.9
    assert live.current() is first
    assert troubled.blocked_reads == reads


def test_what_is_blocked_is_known_although_the_pointer_hangs(troubled: Unreadable):
    clock = Clock()
    live = holder(troubled, IDLE, clock)
    live.current()
    finish_looking()
    block(troubled, ["003a"])
    clock.now += 31
    troubled.pointer_open.clear()
    assert is_gone(live.current(), "003a")
    troubled.pointer_open.set()
    finish_looking()


def test_all_who_come_after_a_pause_wait_for_one_read(troubled: Unreadable):
    clock = Clock()
    live = holder(troubled, IDLE, clock)
    live.current()
    finish_looking()
    block(troubled, ["003a"])
    clock.now += 31
    reads, troubled.blocked_open = troubled.blocked_reads, threading.Event()
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(is_gone(live.current(), "003a"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    troubled.blocked_open.set()
    for thread in threads:
        thread.join(20)
    assert answers == [True] * 5
    assert troubled.blocked_reads == reads + 1


def test_a_read_that_hangs_lets_requests_go_on_with_what_was_blocked_before(troubled: Unreadable):
    block(troubled, ["003a"])
    clock = Clock()
    live = LiveRelease(troubled, IDLE, clock=clock, blocked_wait_seconds=0.01)
    first = live.current()
    finish_looking()
    block(troubled, ["004a"])
    clock.now += 31
    reads, troubled.blocked_open = troubled.blocked_reads, threading.Event()
    assert live.current() is first
    clock.now += 1
    assert live.current() is first
    assert is_gone(first, "003a")
    troubled.blocked_open.set()
    finish_looking()
    assert is_gone(live.current(), "004a")
    assert troubled.blocked_reads == reads + 1


def test_a_look_that_was_frozen_with_the_process_does_not_count(troubled: Unreadable):
    clock = Clock()
    live = holder(troubled, IDLE, clock)
    live.current()
    finish_looking()
    clock.now += 31
    troubled.pointer_open.clear()
    live.current()  # its look has read what is blocked, and stops at the pointer
    block(troubled, ["003a"])
    clock.now += 7_200
    gone: list[bool] = []
    thread = threading.Thread(target=lambda: gone.append(is_gone(live.current(), "003a")))
    thread.start()
    troubled.pointer_open.set()
    thread.join(20)
    assert gone == [True]
