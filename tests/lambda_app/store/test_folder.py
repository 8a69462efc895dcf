import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from lambda_app.errors import MissingObjectError, NotSupportedError, PointerConflictError, ReleaseError, StoreError
from lambda_app.release.manifest import FileEntry, Pointer
from lambda_app.store.folder import STALE_SECONDS, FolderStore

ROOT = Path(__file__).parents[3]
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def pointer(release: str = "release-one") -> Pointer:
    return Pointer(release=release, manifest_sha256="0" * 64, promoted_at=NOON, high_water=NOON)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def test_written_objects_can_be_read(store: FolderStore, tmp_path: Path):
    store.write("rejected/a/b.json", b"{}")
    (tmp_path / "photo").write_bytes(b"jpeg")
    store.upload("datasets/x/photos/1.jpg", tmp_path / "photo")
    assert (store.read("rejected/a/b.json"), store.read("datasets/x/photos/1.jpg")) == (b"{}", b"jpeg")
    store.write("rejected/a/b.json", b"[]")
    assert store.read("rejected/a/b.json") == b"[]"
    assert list(store.keys("rejected/")) == ["rejected/a/b.json"]
    assert list(store.keys("nothing/")) == []


def test_a_later_process_deletes_the_partial_files_of_killed_ones(store: FolderStore):
    store.write("objects/a", b"a")
    killed, running = store.root / "objects" / ".partial-killed", store.root / "objects" / ".partial-running"
    for partial in (killed, running):
        partial.touch()
    os.utime(killed, (0, time.time() - 2 * STALE_SECONDS))
    FolderStore(store.root).write("objects/b", b"b")
    assert (killed.exists(), running.exists()) == (False, True)


# In a process of its own, because an audit hook cannot be removed. It prints each file that is opened for writing.
WRITES = """
import os, sys
from pathlib import Path
from lambda_app.store.folder import FolderStore
from lambda_app.release.manifest import Pointer

root, photo = Path(sys.argv[1]), Path(sys.argv[2])

def watch(event, args):
    if event == "open" and str(args[0]).startswith(str(root)) and args[2] & (os.O_WRONLY | os.O_RDWR):
        print(Path(str(args[0])).relative_to(root))

sys.addaudithook(watch)
store = FolderStore(root)
version = None
for _ in range(2):
    store.write("releases/a/manifest.json", b"{}")
    store.upload("objects/a", photo)
    now = "2026-11-01T12:00:00Z"
    pointer = Pointer(release="release-one", manifest_sha256="0" * 64, promoted_at=now, high_water=now)
    store.write_pointer(pointer, version)
    version = store.read_pointer().version
"""


def test_no_file_of_a_store_is_written_in_place(store: FolderStore, tmp_path: Path):
    """A process that is killed while it writes would leave half of a file, such as half of the pointer."""
    (tmp_path / "photo").write_bytes(b"jpeg")
    arguments = [sys.executable, "-c", WRITES, str(store.root), str(tmp_path / "photo")]
    done = subprocess.run(
        arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    written = set(map(Path, done.stdout.split()))
    assert len(written) >= 6
    assert {path.name for path in written if not path.name.startswith(".partial-")} <= {".live.json.lock"}


def test_deleting_an_object_twice_is_not_an_error(store: FolderStore):
    store.write("drops/a.tar", b"x")
    assert store.exists("drops/a.tar")
    store.delete("drops/a.tar")
    store.delete("drops/a.tar")
    assert not store.exists("drops/a.tar")


@pytest.mark.parametrize("key", ["nothing", "objects", "objects/x/y"])
def test_a_key_without_an_object_is_missing(store: FolderStore, key: str):
    store.write("objects/x", b"")
    with pytest.raises(MissingObjectError, match=key):
        store.read(key)


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", "", ".", "a\0b"])
def test_keys_cannot_leave_the_folder_of_the_store(store: FolderStore, key: str):
    for use in (store.read, store.exists, store.delete, store.photo_path):
        with pytest.raises(StoreError, match="is not a valid store key"):
            use(key)
    with pytest.raises(StoreError, match="is not a valid store key"):
        store.write(key, b"x")


def test_a_failed_write_leaves_no_file(store: FolderStore, tmp_path: Path):
    with pytest.raises(StoreError, match="objects/x cannot be written"):
        store.upload("objects/x", tmp_path / "missing")
    store.write("objects/full/x", b"")
    with pytest.raises(StoreError, match="cannot be written"):
        store.write("objects/full", b"a folder stands there")
    with pytest.raises(StoreError, match="cannot be written"):
        store.write("objects/full/x/y", b"a file stands there")
    assert list(store.keys("objects/")) == ["objects/full/x"]
    assert not list(store.root.rglob(".partial-*"))


def test_an_unreadable_object_is_a_store_error(store: FolderStore):
    store.root.mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        store.read("x" * 300)


def test_files_of_a_release_and_photos_are_local_files(store: FolderStore):
    entry = FileEntry(file="model.onnx", sha256=sha256(b"network").hexdigest(), bytes=7)
    with pytest.raises(MissingObjectError, match=r"objects/.* \(model.onnx\)"):
        store.local_file(entry)
    store.write(f"objects/{entry.sha256}", b"network")
    assert store.local_file(entry).read_bytes() == b"network"
    store.write("datasets/x/photos/1.jpg", b"jpeg")
    found = store.photo_path("datasets/x/photos/1.jpg")
    assert found is not None
    assert found.read_bytes() == b"jpeg"
    assert store.photo_path("datasets/x/photos/2.jpg") is None


@pytest.mark.parametrize("key", ["live.json", "objects/00", "datasets/x.jpg"])
def test_what_is_no_photo_has_no_path(store: FolderStore, key: str):
    store.write(key, b"private")
    assert store.photo_path(key) is None


def test_the_pointer_is_replaced_only_if_its_version_is_unchanged(store: FolderStore):
    with pytest.raises(MissingObjectError):
        store.read_pointer()
    with pytest.raises(PointerConflictError):
        store.write_pointer(pointer(), "another version")
    store.write_pointer(pointer("release-one"), None)
    with pytest.raises(PointerConflictError, match="has changed since"):
        store.write_pointer(pointer("release-two"), None)
    first = store.read_pointer()
    assert first is not None
    assert first.pointer == pointer("release-one")
    assert store.read_pointer(unless=first.version) is None
    store.write_pointer(pointer("release-two"), first.version)
    second = store.read_pointer(unless=first.version)
    assert second is not None
    assert second.pointer.release == "release-two"
    with pytest.raises(PointerConflictError):
        store.write_pointer(pointer("release-three"), first.version)


@dataclass
class Race:
    """Concurrent writers that all start from the same version."""

    store: FolderStore
    start: threading.Barrier = field(default_factory=lambda: threading.Barrier(8))
    winners: list[str] = field(default_factory=list)

    def run(self, name: str) -> None:
        self.start.wait()
        try:
            self.store.write_pointer(pointer(name), None)
        except PointerConflictError:
            return
        self.winners.append(name)


def test_exactly_one_of_several_concurrent_writers_wins(store: FolderStore):
    race = Race(store)
    threads = [threading.Thread(target=race.run, args=[f"release-{number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live = store.read_pointer()
    assert live is not None
    assert race.winners == [live.pointer.release]


def test_a_damaged_object_is_refused(store: FolderStore):
    entry = FileEntry(file="model.onnx", sha256=sha256(b"network").hexdigest(), bytes=7)
    store.write(f"objects/{entry.sha256}", b"netwerk")
    with pytest.raises(ReleaseError, match=r"model.onnx has sha256"):
        store.local_file(entry)


def test_objects_can_be_downloaded_to_a_file(store: FolderStore, tmp_path: Path):
    store.write("drops/a.tar", b"archive")
    store.download("drops/a.tar", tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == b"archive"
    with pytest.raises(MissingObjectError, match=r"drops/b.tar"):
        store.download("drops/b.tar", tmp_path / "b.tar")


def test_a_folder_store_has_no_urls_and_keeps_its_files(store: FolderStore):
    store.write("objects/x", b"x")
    store.keep_local([])
    assert store.read("objects/x") == b"x"
    assert store.photo_url("datasets/x/photos/1.jpg") is None
    with pytest.raises(NotSupportedError, match="takes no uploads"):
        store.upload_ticket("image/jpeg", 1)
    with pytest.raises(NotSupportedError, match="upload 'uploads/1'"):
        store.read_upload("uploads/1", 1)
