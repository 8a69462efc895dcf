"""What a prune deletes, what it spares, and what becomes of promotions that go on beside it."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from lambda_app.errors import MissingObjectError, StoreError
from lambda_app.promotion.promotion import go_live, promote_archive, promote_stored, rollback
from lambda_app.promotion.stored import PRUNING, STALE, manifest_key, stored_manifest
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.promotion.upkeep.pruning import prune
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import OBJECTS, Store
from lambda_app.store.folder import FolderStore
from tests.archives import build_archive
from tests.releases import CREATED_AT
from tests.s3_server import S3Server

SETTINGS = Settings(store="unused", threads=1)
AT_ONCE = -timedelta(seconds=2)  # S3 keeps whole seconds


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> Store:
    return FolderStore(tmp_path / "store") if request.param == "folder" else s3.store("shop", tmp_path / "cache")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Manifest]]:
    """Four releases of four hours."""
    folder = tmp_path_factory.mktemp("archives")
    return [
        build_archive(folder / str(hour), seed=hour, created_at=CREATED_AT + timedelta(hours=hour)) for hour in range(4)
    ]


@pytest.fixture
def ids(store: Store, archives: list[tuple[Path, Manifest]]) -> list[str]:
    """The four releases, promoted one after the other just now."""
    for archive, manifest in archives:
        go_live(store, archive.parent, manifest)
    return [manifest.release for _, manifest in archives]


def objects(store: Store) -> set[str]:
    return {key.removeprefix(OBJECTS) for key in store.keys(OBJECTS)}


def names(manifests: list[Manifest]) -> set[str]:
    return {entry.sha256 for manifest in manifests for entry in manifest.files()}


def complete(store: Store) -> bool:
    """Whether the live release is whole."""
    live = store.read_pointer()
    assert live is not None
    manifest = stored_manifest(store, live.pointer.release)
    return all(store.exists(OBJECTS + entry.sha256) for entry in manifest.files())


@pytest.fixture
def aged(tmp_path: Path, archives: list[tuple[Path, Manifest]]) -> FolderStore:
    """The four releases, promoted one after the other a week ago."""
    store = FolderStore(tmp_path / "aged")
    for archive, manifest in archives:
        go_live(store, archive.parent, manifest)
    for path in store.root.rglob("*"):
        made_older(path, timedelta(days=7))
    return store


def made_older(path: Path, by: timedelta) -> None:
    past = path.stat().st_mtime - by.total_seconds()
    os.utime(path, (past, past))


def test_prune_keeps_what_is_live_and_its_predecessor(aged, archives):
    made = [manifest for _, manifest in archives]
    pruned = prune(aged, keep=1)
    assert pruned.releases == [made[1].release, made[0].release]
    assert pruned.objects == len(names(made[:2]) - names(made[2:]))
    assert [row.manifest for row in list_releases(aged)] == [made[3], made[2]]
    assert objects(aged) == names(made[2:])
    again = prune(aged, keep=1)
    assert (again.releases, again.objects, again.notes) == ([], 0, [])
    assert list(aged.keys(PRUNING)) == []


def test_what_is_younger_than_an_hour_stays(store, ids):
    store.write(OBJECTS + "0" * 64, b"uploaded; its manifest follows")
    pruned = prune(store, keep=1)
    assert (pruned.releases, pruned.objects) == ([], 0)
    assert [row.release for row in list_releases(store)] == ids[::-1]
    assert "0" * 64 in objects(store)


def test_the_limit_of_age_is_by_the_store_s_own_clock(store, ids):
    pruned = prune(store, keep=1, age=AT_ONCE)
    assert pruned.releases == [ids[1], ids[0]]
    assert complete(store)


@pytest.mark.parametrize("change", [{"format": 3}, {"index": {"type": "ivf"}}])
def test_a_release_that_cannot_be_read_stays_with_its_objects(aged, archives, change):
    first = archives[0][1]
    raw = json.loads(first.to_json())
    for name, value in change.items():
        raw[name] = raw[name] | value if isinstance(value, dict) else value
    aged.write(manifest_key(first.release), json.dumps(raw).encode())
    pruned = prune(aged, keep=1)
    assert pruned.releases == [archives[1][1].release]
    assert len(pruned.notes) == 1
    assert pruned.notes[0].startswith(f"{first.release} stays, because it cannot be read: manifest.json")
    assert objects(aged) == names([first, archives[2][1], archives[3][1]])


def test_beside_a_damaged_manifest_all_objects_stay(aged, archives):
    first = archives[0][1]
    before = objects(aged)
    aged.write(manifest_key(first.release), first.to_json()[:300])
    pruned = prune(aged, keep=1)
    assert (pruned.releases, pruned.objects) == ([archives[1][1].release], 0)
    assert f"all objects stay, because it is unknown which of them {first.release} needs" in pruned.notes
    assert objects(aged) == before


class Interrupted(FolderStore):
    """Calls back once, right before the first object is deleted; or before the pointer moves."""

    before_delete: Callable[[], None] | None = None
    before_pointer: Callable[[], None] | None = None

    def delete(self, key):
        if key.startswith(OBJECTS) and self.before_delete is not None:
            callback, self.before_delete = self.before_delete, None
            callback()
        super().delete(key)

    def read_pointer(self, unless=None):
        callback, self.before_pointer = self.before_pointer, None
        if callback is not None:
            callback()
        return super().read_pointer(unless)


@pytest.fixture
def reused(tmp_path: Path, archives: list[tuple[Path, Manifest]]) -> tuple[Path, Manifest]:
    """A release of the first one's files; it needs no upload while they are there."""
    first = archives[0][1]
    later = CREATED_AT + timedelta(hours=9)
    manifest = first.model_copy(update={"release": "a-later-release", "created_at": later})
    return write_archive(tmp_path / "reused.tar", manifest, archives[0][0].parent), manifest


def test_a_promotion_that_needs_what_a_prune_is_about_to_delete_is_a_fault_and_passes_afterwards(
    aged, archives, reused
):
    store = Interrupted(aged.root)
    faults: list[StoreError] = []

    def promote() -> None:
        with pytest.raises(
            StoreError, match=r"a running prune of .* may delete .* which a-later-release needs"
        ) as caught:
            promote_archive(store, reused[0], SETTINGS)
        faults.append(caught.value)

    store.before_delete = promote
    prune(store, keep=1)
    assert len(faults) == 1
    assert complete(store)
    assert promote_archive(store, reused[0], SETTINGS).outcome == "live"
    assert complete(store)


def test_objects_that_a_prune_deleted_during_a_promotion_are_stored_again(aged, archives, reused):
    store = Interrupted(aged.root)
    reads = 0

    def prune_late() -> None:
        nonlocal reads
        reads += 1
        if reads < 2:  # the first read comes before anything is stored
            store.before_pointer = prune_late
            return
        for entry in reused[1].files():
            store.delete(OBJECTS + entry.sha256)

    store.before_pointer = prune_late
    assert promote_archive(store, reused[0], SETTINGS).outcome == "live"
    assert complete(store)


def test_a_promotion_whose_archive_left_out_what_was_deleted_meanwhile_is_a_fault(aged, archives):
    first = archives[0][1]
    store = Interrupted(aged.root)
    store.before_pointer = lambda: aged.delete(OBJECTS + first.model.sha256)
    with pytest.raises(MissingObjectError, match=r"model\.onnx\) of .* deleted while the release was promoted"):
        promote_stored(store, first.release, SETTINGS)
    assert complete(aged)


def test_what_an_operator_promotes_is_new_to_a_prune_that_follows(aged, archives):
    first = archives[0][1].release
    promote_stored(aged, first, SETTINGS)
    rollback(aged, SETTINGS)
    assert first not in prune(aged, keep=1).releases


def test_what_a_killed_prune_left_is_forgotten_after_an_hour(aged, archives):
    first, marker = archives[0][1], f"{PRUNING}killed.json"
    aged.write(marker, json.dumps({"releases": [first.release], "objects": []}).encode())
    with pytest.raises(StoreError, match="running prune"):
        promote_stored(aged, first.release, SETTINGS)
    made_older(aged.root / marker, STALE + timedelta(seconds=1))
    assert promote_stored(aged, first.release, SETTINGS).outcome == "live"
    prune(aged, keep=9)
    assert list(aged.keys(PRUNING)) == []


@pytest.mark.slow
def test_publishing_and_pruning_beside_each_other_leave_live_complete(
    tmp_path: Path, store: Store, archives: list[tuple[Path, Manifest]], request: pytest.FixtureRequest
):
    """With no limit of age, so that only the order of steps keeps them apart; without the trial, which is slow."""
    rounds: int = request.config.getoption("--prune-rounds")
    failures: list[BaseException] = []
    deleted: list[int] = []

    def publish(number: int) -> None:
        archive, source = archives[number % len(archives)]
        release = {"release": f"round-{number:06}", "created_at": CREATED_AT + timedelta(minutes=number)}
        manifest = source.model_copy(update=release)
        folder = tmp_path / "next"
        shutil.copytree(archive.parent, folder, dirs_exist_ok=True)
        (folder / "manifest.json").write_bytes(manifest.to_json())
        for _ in range(100):
            try:
                assert go_live(store, folder, manifest).outcome == "live"
                return
            except StoreError:
                continue
        raise AssertionError(f"round {number}: no try of 100 passed between the prunes")

    publish(0)
    enough = threading.Event()

    def keep_pruning() -> None:
        try:
            while not enough.is_set():
                deleted.append(prune(store, keep=1, age=AT_ONCE).objects)
        except BaseException as exc:
            failures.append(exc)

    pruner = threading.Thread(target=keep_pruning)
    pruner.start()
    try:
        for number in range(1, rounds + 1):
            publish(number)
            assert complete(store), f"round {number}"
    finally:
        enough.set()
        pruner.join()
    assert failures == []
    prune(store, keep=1, age=AT_ONCE)
    assert complete(store)
    assert objects(store) == names([row.manifest for row in list_releases(store) if row.manifest is not None])
    assert sum(deleted) > 0
