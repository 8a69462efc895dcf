"""The storage protocol: what every store guarantees.

Keys are relative paths with forward slashes: objects/<sha256>, releases/<id>/..., live.json, blocked.json,
changes/, drops/, rejected/, datasets/, uploads/. Every write of an object is atomic. What several writers change
(live.json, blocked.json, changes/) is written by conditional writes only: they fail if the object changed since it was
read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from lambda_app.release.manifest import FileEntry, Pointer

POINTER = "live.json"
OBJECTS = "objects/"
RELEASES = "releases/"
REJECTED = "rejected/"
DROPS = "drops/"
UPLOADS = "uploads/"
CHANGES = "changes/"
BLOCKED = "blocked.json"


@dataclass(frozen=True)
class LivePointer:
    """The live pointer, and its version when it was read. A conditional write needs this version."""

    pointer: Pointer
    version: str


@dataclass(frozen=True)
class Versioned:
    """An object, and its version when it was read. A conditional write needs this version."""

    data: bytes
    version: str


@dataclass(frozen=True)
class UploadTicket:
    """Permission to upload one photo directly to the store: a presigned POST.

    Attributes:
        url: the address to send the form to.
        fields: the form's fields. The photo is one more field, `file`, and must be the last one.
        key: key of the uploaded photo; to be sent to a predict route after the upload.
        expires_at: the form is refused after this time.
        max_bytes: largest photo that is accepted.
    """

    url: str
    fields: dict[str, str]
    key: str
    expires_at: datetime
    max_bytes: int


class Store(Protocol):
    """A folder or a bucket; the callers do not need to know which. All methods are thread-safe.

    Attributes:
        takes_uploads: whether `upload_ticket` and `read_upload` work.
    """

    takes_uploads: bool

    def read(self, key: str) -> bytes:
        """Read an object.

        Raises:
            MissingObjectError: there is no such object.
        """

    def exists(self, key: str) -> bool:
        """Whether the object exists."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that start with `prefix`, sorted. `prefix` must end with a slash."""

    def keys_after(self, key: str) -> Iterator[str]:
        """The keys in the folder of `key` that sort after it, sorted. Earlier keys are not listed."""

    def times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """As `keys`, each key with the moment of its last write by the store's clock."""

    def write(self, key: str, data: bytes) -> None:
        """Write an object atomically; an existing object is replaced."""

    def upload(self, key: str, source: Path) -> None:
        """Copy a local file to the store atomically; an existing object is replaced."""

    def download(self, key: str, target: Path) -> None:
        """Copy an object to a local file.

        Raises:
            MissingObjectError: there is no such object.
        """

    def delete(self, key: str) -> None:
        """Delete an object. Does nothing if it does not exist."""

    def local_file(self, entry: FileEntry) -> Path:
        """The path of a local copy of a release file. Its sha256 has been verified.

        Raises:
            MissingObjectError: there is no such object.
            DamagedFileError: the object does not match the size or the sha256 in `entry`.
        """

    def keep_local(self, entries: Iterable[FileEntry]) -> None:
        """Delete the local copies of all release files except these."""

    def photo_path(self, key: str) -> Path | None:
        """The local file of a catalog photo; None if there is none, or if `is_photo_key` forbids the key."""

    def photo_url(self, key: str) -> str | None:
        """A URL from which clients can fetch the photo directly.

        None if the API must send the photo itself, or if `is_photo_key` forbids the key.
        """

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:
        """Permission to upload one photo of at most `max_bytes` to uploads/.

        Raises:
            NotSupportedError: this store does not accept uploads.
        """

    def read_upload(self, key: str, max_bytes: int) -> bytes:
        """Read an uploaded photo.

        Raises:
            NotSupportedError: this store does not accept uploads.
            MissingObjectError: nothing was uploaded under this key, or the upload has expired.
            PhotoTooLargeError: the photo has more than `max_bytes`.
        """

    def read_versioned(self, key: str, unless: str | None = None) -> Versioned | None:
        """Read an object with its version; None if it still has the version `unless`.

        Raises:
            MissingObjectError: there is no such object.
        """

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """Write an object if it still has the version `expected`; None means that it does not exist yet.

        On S3, a conflict can be with this very write: if its response is lost, it is sent again.

        Raises:
            ConflictError: the object no longer has the version `expected`.
        """

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        """Read the live pointer; None if it still has the version `unless`.

        Raises:
            MissingObjectError: no release was promoted yet.
            StoreError: `live.json` is damaged.
        """

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        """Replace the live pointer if it still has the version `expected`; None means that no pointer exists yet.

        Raises:
            PointerConflictError: the pointer no longer has the version `expected`.
        """
