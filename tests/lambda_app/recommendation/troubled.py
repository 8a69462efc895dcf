"""A store that fails or waits where a test tells it to, and a holder of its live release."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from lambda_app.errors import StoreError
from lambda_app.recommendation.live import LiveRelease
from lambda_app.release.manifest import FileEntry
from lambda_app.settings import Settings
from lambda_app.store.contract import LivePointer
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease

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
        self.fetched: list[str] = []  # names of files
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
        self.fetched.append(entry.file)
        assert self.open.wait(20)
        if self.file_error:
            raise self.file_error
        return super().local_file(entry)

    def keep_local(self, entries: Iterable[FileEntry]) -> None:
        self.kept.append([entry.sha256 for entry in entries])


def holder(
    store: FolderStore, settings: Settings = PATIENT, clock: Callable[[], float] = time.monotonic
) -> LiveRelease:
    """A holder whose looks may take as long as a busy machine needs."""
    return LiveRelease(store, settings, clock=clock, look_wait_seconds=20, blocked_wait_seconds=20)


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


def damage(store: FolderStore, release: BuiltRelease) -> None:
    """Flip a byte of a published index."""
    key = f"objects/{release.manifest.index.sha256}"
    data = bytearray(store.read(key))
    data[-1] ^= 1
    store.write(key, bytes(data))
