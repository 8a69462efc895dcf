import logging
from pathlib import Path

import pytest

from lambda_app.errors import MissingObjectError, NotLiveError, StoreError
from lambda_app.recommendation.live import LiveRelease
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_app.recommendation.troubled import PATIENT, Clock, TroubledStore, damage, holder
from tests.releases import build_release


def misfit(folder: Path) -> BuiltRelease:
    """A release that is as it was promoted, but whose manifest gives its embeddings one number too many.

    It has no smoke cases, whose embeddings would not fit either.
    """
    manifest = build_release(folder, seed=4)
    model = manifest.model.model_copy(update={"embedding_dim": manifest.model.embedding_dim + 1})
    manifest = manifest.model_copy(update={"model": model, "smoke": ()})
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
