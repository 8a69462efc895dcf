import gc
import logging
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_app.errors import MissingObjectError, NotLiveError, OverdueError, StoreError
from lambda_app.recommendation.live import LiveRelease
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.manifest import FileEntry, ModelEntry, file_entry
from lambda_app.settings import Settings
from lambda_app.store.contract import LivePointer
from lambda_app.store.folder import FolderStore
from tests.crafted import networks
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import build_release, move_pointer, publish_directly

PATIENT = Settings(store="unused", threads=1, reload_seconds=0, reload_wait_seconds=20, ready_wait_seconds=20)


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TroubledStore(FolderStore):
    """A store that counts, waits or fails where a test tells it to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.looks = self.loads = 0
        self.kept: list[list[str]] = []
        self.pointer_error: StoreError | None = None
        self.misread: dict[str, str] = {}  # fields of the pointer that arrive wrong, under the right version
        self.file_error: Exception | None = None
        self.looked_at, self.open, self.pointer_open = (threading.Event() for _ in range(3))
        self.open.set()
        self.pointer_open.set()

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        self.looks += 1
        self.looked_at.set()
        assert self.pointer_open.wait(20)
        if self.pointer_error:
            raise self.pointer_error
        found = super().read_pointer(unless)
        return found and LivePointer(found.pointer.model_copy(update=self.misread), found.version)

    def local_file(self, entry: FileEntry) -> Path:
        self.loads += entry.file == "model.onnx"
        assert self.open.wait(20)
        if self.file_error:
            raise self.file_error
        return super().local_file(entry)

    def keep_local(self, entries: Iterable[FileEntry]) -> None:
        self.kept.append([entry.sha256 for entry in entries])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TroubledStore]:
    """Empty; whatever still loads at the end is let go."""
    store = TroubledStore(tmp_path / "store")
    yield store
    finish_loading(store)


def holder(
    store: FolderStore, settings: Settings = PATIENT, clock: Callable[[], float] = time.monotonic
) -> LiveRelease:
    """A holder whose looks may take as long as a busy machine needs."""
    return LiveRelease(store, settings, clock=clock, look_wait_seconds=20)


def finish_looking() -> None:
    """Wait for the thread that reads the pointer."""
    for thread in threading.enumerate():
        if thread.name == "release-looker":
            thread.join(20)


def finish_loading(store: TroubledStore) -> None:
    """Let what loads go on, and wait for it."""
    store.open.set()
    store.pointer_open.set()
    finish_looking()
    for thread in threading.enumerate():
        if thread.name == "release-loader":
            thread.join(20)


@pytest.fixture
def publish(store: TroubledStore) -> Callable[[BuiltRelease], str]:
    def publish(release: BuiltRelease) -> str:
        publish_directly(store, release.folder, release.manifest)
        return release.manifest.release

    return publish


def damage(store: FolderStore, release: BuiltRelease) -> None:
    """Flip a byte of a published index."""
    key = f"objects/{release.manifest.index.sha256}"
    data = bytearray(store.read(key))
    data[-1] ^= 1
    store.write(key, bytes(data))


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


def misfit(folder: Path) -> BuiltRelease:
    """A release that is as it was promoted, but whose manifest gives its embeddings one number too many."""
    manifest = build_release(folder, seed=4)
    model = manifest.model.model_copy(update={"embedding_dim": manifest.model.embedding_dim + 1})
    manifest = manifest.model_copy(update={"model": model})
    (folder / "manifest.json").write_bytes(manifest.to_json())
    return BuiltRelease(folder, manifest)


def test_a_release_that_is_wrong_in_itself_leaves_the_old_one_live_and_is_not_tried_again(
    store: TroubledStore,
    built: BuiltRelease,
    other: BuiltRelease,
    tmp_path: Path,
    publish,
    caplog: pytest.LogCaptureFixture,
):
    publish(built)
    clock = Clock()
    live = holder(store, clock=clock)
    live.current()
    publish(misfit(tmp_path / "misfit"))
    with caplog.at_level(logging.ERROR):
        assert live.current().release == built.manifest.release
    assert "does not load" in caplog.text
    assert "embedding dimensions disagree" in caplog.text
    loads = store.loads
    clock.now += 3600
    assert live.current().release == built.manifest.release
    assert store.loads == loads
    publish(other)
    assert live.current().release == other.manifest.release


@pytest.mark.parametrize("first", [True, False])
def test_damaged_bytes_are_tried_again_until_they_are_mended(
    store: TroubledStore,
    built: BuiltRelease,
    other: BuiltRelease,
    publish,
    first: bool,
    caplog: pytest.LogCaptureFixture,
):
    clock = Clock()
    live = holder(store, clock=clock)
    if not first:
        publish(built)
        live.current()
    publish(other)
    damage(store, other)
    for seconds in (0, 1.1, 2.1):
        clock.now += seconds
        loads = store.loads
        if first:
            with pytest.raises(NotLiveError, match=r"index.faiss has sha256 .* it is tried again"):
                live.current()
        else:
            assert live.current().release == built.manifest.release
        assert store.loads == loads + 1
    assert "index.faiss has sha256" in caplog.text
    store.upload(f"objects/{other.manifest.index.sha256}", other.folder / "index.faiss")
    clock.now += 4.1
    assert live.current().release == other.manifest.release


@pytest.mark.parametrize("first", [True, False])
def test_a_pointer_damaged_on_the_way_is_read_again_as_a_whole(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish, first: bool
):
    clock = Clock()
    live = holder(store, clock=clock)
    if not first:
        publish(built)
        live.current()
    publish(other)
    store.misread = {"release": "20200101-000000-00000000"}
    for seconds in (0, 0.1):  # a pointer that is read again but has not moved does not shorten the pause
        clock.now += seconds
        if first:
            with pytest.raises(NotLiveError, match="20200101-000000-00000000 is not loaded yet"):
                live.current()
        else:
            assert live.current().release == built.manifest.release
    store.misread = {}
    clock.now += 0.1
    assert live.current().release == other.manifest.release


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


def test_a_manifest_that_the_pointer_does_not_name_is_refused_until_it_is_mended(
    store: TroubledStore, built: BuiltRelease, publish
):
    publish(built)
    clock = Clock()
    live = holder(store, clock=clock)
    key = f"releases/{built.manifest.release}/manifest.json"
    sound = store.read(key)
    store.write(key, sound.replace(b"0.9", b"1.0"))
    with pytest.raises(NotLiveError, match=r"is not loaded yet: the manifest of .* has sha256"):
        live.current()
    store.write(key, sound)
    clock.now += 1.1
    assert live.current().release == built.manifest.release


@pytest.mark.parametrize("error", [MissingObjectError("not there yet"), OSError(28, "No space left on device")])
def test_files_that_cannot_be_read_for_a_while_are_tried_again_with_growing_pauses(
    store: TroubledStore, built: BuiltRelease, publish, error: Exception
):
    publish(built)
    clock = Clock()
    live = holder(store, PATIENT, clock=clock)
    store.file_error = error
    for loads, seconds in ((1, 0.0), (1, 0.9), (2, 0.2), (2, 1.9), (3, 0.2), (3, 3.9), (4, 0.2)):
        clock.now += seconds
        with pytest.raises(NotLiveError, match="cannot be read; the log says why"):
            live.current()
        assert store.loads == loads
    clock.now += 60
    store.file_error = None
    assert live.current().release == built.manifest.release


def loads_around(pause: float, live: LiveRelease, store: TroubledStore, clock: Clock) -> list[int]:
    """How many loads have begun just before a pause has passed, and just after."""
    before, begun = store.loads, []
    for seconds in (pause - 0.1, 0.2):
        clock.now += seconds
        with pytest.raises(NotLiveError):
            live.current()
        begun.append(store.loads - before)
    return begun


def test_the_pauses_between_tries_grow_to_a_minute_and_no_further(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    clock = Clock()
    live = holder(store, PATIENT, clock=clock)
    store.file_error = StoreError("the disk is away")
    with pytest.raises(NotLiveError):
        live.current()
    assert [loads_around(pause, live, store, clock) for pause in (1, 2, 4, 8, 16, 32, 60, 60)] == [[0, 1]] * 8


def test_a_pointer_that_moves_is_loaded_at_once_and_its_pauses_start_anew(
    store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish
):
    publish(built)
    clock = Clock()
    live = holder(store, PATIENT, clock=clock)
    store.file_error = StoreError("the disk is away")
    with pytest.raises(NotLiveError):
        live.current()
    assert [loads_around(pause, live, store, clock) for pause in (1, 2, 4)] == [[0, 1]] * 3
    publish(other)
    loads = store.loads
    with pytest.raises(NotLiveError, match=other.manifest.release):
        live.current()
    assert store.loads == loads + 1  # without waiting for the eight seconds of the release before
    assert [loads_around(pause, live, store, clock) for pause in (1, 2)] == [[0, 1]] * 2


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


def test_an_error_that_nobody_foresaw_reaches_who_waits_and_is_tried_again(
    store: TroubledStore, built: BuiltRelease, publish
):
    publish(built)
    clock = Clock()
    store.file_error = ZeroDivisionError("a bug")
    live = holder(store, clock=clock)
    with pytest.raises(NotLiveError, match="is not loaded yet: a bug"):
        live.current()
    store.file_error = None
    clock.now += 1.1
    assert live.current().release == built.manifest.release


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


@pytest.mark.parametrize("first", [True, False])
def test_a_pointer_that_cannot_be_read_stops_only_who_has_nothing(
    store: TroubledStore, built: BuiltRelease, publish, first: bool, caplog: pytest.LogCaptureFixture
):
    publish(built)
    live = holder(store)
    if not first:
        live.current()
    store.pointer_error = StoreError("the disk is away")
    if first:
        with pytest.raises(NotLiveError, match="pointer cannot be read"):
            live.current()
    else:
        assert live.current().release == built.manifest.release
    assert "the disk is away" in caplog.text
    store.pointer_error = None
    assert live.current().release == built.manifest.release


def test_a_pointer_that_is_gone_stops_nobody(store: TroubledStore, built: BuiltRelease, publish):
    publish(built)
    live = holder(store)
    live.current()
    store.delete("live.json")
    assert live.current().release == built.manifest.release


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


def test_a_swap_gives_the_old_release_back(store: TroubledStore, built: BuiltRelease, other: BuiltRelease, publish):
    publish(built)
    live = holder(store)
    old = weakref.ref(live.current().recommender)
    publish(other)
    assert live.current().release == other.manifest.release
    finish_loading(store)
    gc.collect()
    assert old() is None


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
