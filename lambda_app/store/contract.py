"""Where releases live: what every store promises.

Keys are relative, with forward slashes: objects/<sha256>, releases/<id>/..., live.json, drops/, rejected/, datasets/,
uploads/. Objects are written whole; the live pointer moves only by a conditional write against the version that was
read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from lambda_app.errors import StoreError
from lambda_app.release.manifest import FileEntry, Pointer

POINTER = "live.json"
OBJECTS = "objects/"
RELEASES = "releases/"
REJECTED = "rejected/"
DROPS = "drops/"
UPLOADS = "uploads/"


@dataclass(frozen=True)
class LivePointer:
    """The pointer as read, with the version that a conditional write must name."""

    pointer: Pointer
    version: str


@dataclass(frozen=True)
class UploadTicket:
    """Leave to put one photo into the store directly: a presigned POST.

    Attributes:
        url, fields: where the form goes, and its fields; `file` comes last.
        key: what a predict route is then given.
    """

    url: str
    fields: dict[str, str]
    key: str
    expires_at: datetime
    max_bytes: int


class Store(Protocol):
    """A folder or a bucket; the code above it does not know which. Every method may be called from several threads."""

    def read(self, key: str) -> bytes:
        """An object's bytes.

        Raises:
            MissingObjectError: no such object.
        """

    def exists(self, key: str) -> bool:
        """Whether the object is there."""

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix that ends with a slash, sorted."""

    def write(self, key: str, data: bytes) -> None:
        """Write an object whole, replacing what is there."""

    def upload(self, key: str, source: Path) -> None:
        """Copy a file in, whole, replacing what is there."""

    def download(self, key: str, target: Path) -> None:
        """Copy an object to a file.

        Raises:
            MissingObjectError: no such object.
        """

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if it is not there."""

    def local_file(self, entry: FileEntry) -> Path:
        """A path on this machine to the object that holds a release's file, of the sha256 that the entry says.

        Raises:
            MissingObjectError: no such object.
            ReleaseError: the object is not what the entry says.
        """

    def keep_local(self, entries: Iterable[FileEntry]) -> None:
        """Give back the local copies of every release file but these."""

    def photo_path(self, key: str) -> Path | None:
        """The file of a photo that a catalog names, where it lies on this machine."""

    def photo_url(self, key: str) -> str | None:
        """An address at which a client can fetch the photo itself; None if the API has to answer it."""

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:
        """Leave to put one photo of at most `max_bytes` under uploads/.

        Raises:
            NotSupportedError: this store takes no uploads, or not of this type.
        """

    def read_upload(self, key: str, max_bytes: int) -> bytes:
        """The bytes of an uploaded photo.

        Raises:
            NotSupportedError: this store takes no uploads.
            MissingObjectError: nothing was uploaded under that key, or it expired.
            PhotoTooLargeError: over `max_bytes`.
        """

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        """The live pointer; None while it still has the version `unless`.

        Raises:
            MissingObjectError: nothing was ever promoted.
            StoreError: `live.json` is damaged.
        """

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        """Move the pointer from the version that was read; from None where there was no pointer.

        Raises:
            PointerConflictError: the pointer is no longer at `expected`.
        """


def parse_pointer(data: bytes, store: str) -> Pointer:
    """Parse `live.json`.

    Raises:
        StoreError: damaged.
    """
    try:
        return Pointer.model_validate_json(data)
    except ValidationError as exc:
        raise StoreError(f"{POINTER} of {store} is damaged: {exc.errors()[0]['msg']}") from exc
