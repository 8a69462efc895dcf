"""A store in a local folder, with the same layout as the bucket.

Every write goes to a temporary file in the same folder, which is then renamed. The pointer is compared and written
under a file lock; the sha256 of its content is its version.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lambda_app.errors import ConflictError, MissingObjectError, NotSupportedError, StoreError
from lambda_app.release.manifest import FileEntry, verify_file
from lambda_app.release.photo_key import is_photo_key
from lambda_app.store.contract import OBJECTS, POINTER, UploadTicket, Versioned
from lambda_app.store.pointer import PointerMethods

PARTIAL = ".partial-"
# A file that nobody has written to for so long is that of a killed process.
STALE_SECONDS = 3600
NO_UPLOADS = "this service stores data in a folder and takes no uploads; send the photo as field 'file' of a form"


class FolderStore(PointerMethods):
    """A store in a local folder. Thread-safe."""

    takes_uploads = False

    def __init__(self, root: Path) -> None:
        """Use the folder `root`, which is created by the first write."""
        self.root = root.absolute()
        self._swept: set[Path] = set()

    def __str__(self) -> str:
        return str(self.root)

    def read(self, key: str) -> bytes:
        """Read an object.

        Raises:
            MissingObjectError: there is no such object.
            StoreError: the object cannot be read.
        """
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as exc:
            raise MissingObjectError(f"{self} holds no {key}") from exc
        except OSError as exc:
            raise StoreError(f"{key} cannot be read from {self}: {exc}") from exc

    def exists(self, key: str) -> bool:
        """Whether the object exists."""
        return self._path(key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that start with `prefix`, sorted. `prefix` must end with a slash."""
        return (key for key, _ in self.times(prefix))

    def keys_after(self, key: str) -> Iterator[str]:
        """The keys in the folder of `key` that sort after it, sorted."""
        return (found for found in self.keys(key.rpartition("/")[0] + "/") if found > key)

    def times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """As `keys`, each key with the moment of its last write."""
        base = self._path(prefix.rstrip("/"))
        for path in sorted(base.rglob("*")):
            # What is deleted meanwhile is left out.
            if not path.name.startswith(".") and path.is_file() and (moment := _modified(path)) is not None:
                yield path.relative_to(self.root).as_posix(), moment

    def write(self, key: str, data: bytes) -> None:
        """Write an object atomically; an existing object is replaced."""
        with self._atomic_write(key) as partial:
            partial.write_bytes(data)

    def upload(self, key: str, source: Path) -> None:
        """Copy a local file to the store atomically; an existing object is replaced."""
        with self._atomic_write(key) as partial:
            shutil.copyfile(source, partial)

    def download(self, key: str, target: Path) -> None:
        """Copy an object to a local file.

        Raises:
            MissingObjectError: there is no such object.
        """
        try:
            shutil.copyfile(self._path(key), target)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as exc:
            raise MissingObjectError(f"{self} holds no {key}") from exc

    def delete(self, key: str) -> None:
        """Delete an object. Does nothing if it does not exist."""
        self._path(key).unlink(missing_ok=True)

    def local_file(self, entry: FileEntry) -> Path:
        """The path of a release file in the store itself, after its sha256 was verified.

        Raises:
            MissingObjectError: there is no such object.
            DamagedFileError: the object does not match the size or the sha256 in `entry`.
        """
        path = self._path(OBJECTS + entry.sha256)
        if not path.is_file():
            raise MissingObjectError(f"{self} holds no {OBJECTS}{entry.sha256} ({entry.file})")
        verify_file(path, entry)
        return path

    def keep_local(self, entries: Iterable[FileEntry]) -> None:
        """Do nothing: `local_file` makes no copies."""

    def photo_path(self, key: str) -> Path | None:
        """The file of a catalog photo; None if there is none, or if the key cannot be a photo's."""
        path = self._path(key)
        return path if is_photo_key(key) and path.is_file() else None

    def photo_url(self, key: str) -> str | None:  # noqa: ARG002 (always None)
        """Always None: the API sends the photos of a folder itself."""
        return None

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:  # noqa: ARG002
        """Not supported: clients can reach only the API, not the folder.

        Raises:
            NotSupportedError: always.
        """
        raise NotSupportedError(NO_UPLOADS)

    def read_upload(self, key: str, max_bytes: int) -> bytes:  # noqa: ARG002
        """Not supported, as `upload_ticket`.

        Raises:
            NotSupportedError: always.
        """
        raise NotSupportedError(f"upload {key[:80]!r}: {NO_UPLOADS}")

    def read_versioned(self, key: str, unless: str | None = None) -> Versioned | None:
        """Read an object with its version, which is its sha256; None if that is still `unless`.

        Raises:
            MissingObjectError: there is no such object.
            StoreError: the object cannot be read.
        """
        data = self.read(key)
        version = hashlib.sha256(data).hexdigest()
        return None if version == unless else Versioned(data, version)

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """Write an object if it still has the version `expected`; None means that it does not exist yet.

        Raises:
            ConflictError: the object no longer has the version `expected`.
        """
        with self._lock():
            path = self._path(key)
            current = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
            if current != expected:
                raise ConflictError(f"{key} of {self} has changed since it was read; try again")
            self.write(key, data)

    def _path(self, key: str) -> Path:
        name = PurePosixPath(key)
        if name.is_absolute() or ".." in name.parts or "\0" in key or not name.parts:
            raise StoreError(f"{key!r} is not a valid store key")
        return self.root / name

    @contextmanager
    def _atomic_write(self, key: str) -> Iterator[Path]:
        """A temporary file in the target's folder. It is renamed to the target if the block raises no error."""
        target = self._path(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._sweep(target.parent)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=PARTIAL)
        except OSError as exc:
            raise StoreError(f"{self} cannot be written: {exc}") from exc
        os.close(handle)
        partial = Path(name)
        try:
            yield partial
            partial.chmod(0o644)
            partial.replace(target)
        except OSError as exc:
            raise StoreError(f"{key} cannot be written to {self}: {exc}") from exc
        finally:
            partial.unlink(missing_ok=True)

    def _sweep(self, folder: Path) -> None:
        """Delete the partial files that killed processes left in a folder; only before the first write into it."""
        if folder in self._swept:
            return
        self._swept.add(folder)
        oldest = time.time() - STALE_SECONDS
        for path in folder.glob(f"{PARTIAL}*"):
            with suppress(FileNotFoundError):  # another process may sweep the same folder
                if path.lstat().st_mtime <= oldest:
                    path.unlink()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """The lock of all conditional writes. It has the name that it had when only the pointer needed one."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{POINTER}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _modified(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
