"""A store in a folder of this machine, laid out as the bucket is.

Objects are written beside and then renamed; the pointer moves under a lock, against the content that was read.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from lambda_app.errors import MissingObjectError, NotSupportedError, PointerConflictError, StoreError
from lambda_app.release.manifest import FileEntry, Pointer, verify_file
from lambda_app.store.contract import OBJECTS, POINTER, LivePointer, UploadTicket, parse_pointer

NO_UPLOADS = "this service's store is a folder, which takes no uploads; send the photo as field 'file' of a form"


class FolderStore:
    """A store in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        """Use `root`; it is made at the first write."""
        self.root = root.absolute()

    def __str__(self) -> str:
        return str(self.root)

    def read(self, key: str) -> bytes:
        """An object's bytes.

        Raises:
            MissingObjectError: no such object.
            StoreError: it cannot be read.
        """
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as exc:
            raise MissingObjectError(f"{self} holds no {key}") from exc
        except OSError as exc:
            raise StoreError(f"{key} cannot be read from {self}: {exc}") from exc

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        return self._path(key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix that ends with a slash, sorted."""
        base = self._path(prefix.rstrip("/"))
        for path in sorted(base.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(self.root).as_posix()

    def write(self, key: str, data: bytes) -> None:
        """Write an object whole, replacing what is there."""
        with self._beside(key) as partial:
            partial.write_bytes(data)

    def upload(self, key: str, source: Path) -> None:
        """Copy a file in, whole, replacing what is there."""
        with self._beside(key) as partial:
            shutil.copyfile(source, partial)

    def download(self, key: str, target: Path) -> None:
        """Copy an object to a file.

        Raises:
            MissingObjectError: no such object.
        """
        try:
            shutil.copyfile(self._path(key), target)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as exc:
            raise MissingObjectError(f"{self} holds no {key}") from exc

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        self._path(key).unlink(missing_ok=True)

    def local_file(self, entry: FileEntry) -> Path:
        """The object that holds a release's file, where it lies, verified.

        Raises:
            MissingObjectError: no such object.
            ReleaseError: it is not what the entry says.
        """
        path = self._path(OBJECTS + entry.sha256)
        if not path.is_file():
            raise MissingObjectError(f"{self} holds no {OBJECTS}{entry.sha256} ({entry.file})")
        verify_file(path, entry)
        return path

    def keep_local(self, entries: Iterable[FileEntry]) -> None:
        """Nothing: the store's own files are used where they lie."""

    def photo_path(self, key: str) -> Path | None:
        """The file of a photo that a catalog names, or None."""
        path = self._path(key)
        return path if path.is_file() else None

    def photo_url(self, key: str) -> str | None:  # noqa: ARG002 (no photo of a folder has one)
        """None: the API answers a folder's photos."""
        return None

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:  # noqa: ARG002
        """Not here: nobody but the API itself listens.

        Raises:
            NotSupportedError: always.
        """
        raise NotSupportedError(NO_UPLOADS)

    def read_upload(self, key: str, max_bytes: int) -> bytes:  # noqa: ARG002
        """Not here.

        Raises:
            NotSupportedError: always.
        """
        raise NotSupportedError(f"upload {key[:80]!r}: {NO_UPLOADS}")

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        """The live pointer.

        Args:
            unless: a version seen before; None is returned while the pointer still has it.

        Raises:
            MissingObjectError: nothing was ever promoted.
            StoreError: `live.json` is damaged.
        """
        data = self.read(POINTER)
        version = hashlib.sha256(data).hexdigest()
        return None if version == unless else LivePointer(parse_pointer(data, str(self)), version)

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        """Move the pointer.

        Args:
            expected: the version that was read; None if there was no pointer.

        Raises:
            PointerConflictError: the pointer is no longer at `expected`.
        """
        with self._pointer_lock():
            path = self._path(POINTER)
            current = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
            if current != expected:
                raise PointerConflictError(f"{POINTER} of {self} moved since it was read; look again and retry")
            self.write(POINTER, pointer.model_dump_json(indent=1).encode())

    def _path(self, key: str) -> Path:
        name = PurePosixPath(key)
        if name.is_absolute() or ".." in name.parts or "\0" in key or not name.parts:
            raise StoreError(f"{key!r} is no key of a store")
        return self.root / name

    @contextmanager
    def _beside(self, key: str) -> Iterator[Path]:
        """A temporary file in the target's folder, which becomes the target when the block ends well."""
        target = self._path(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".partial-")
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

    @contextmanager
    def _pointer_lock(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{POINTER}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
