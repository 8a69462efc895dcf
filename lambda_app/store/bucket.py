"""A store in an S3 bucket, under an optional prefix: the same layout and the same promises as a folder.

Release files are fetched into a local cache keyed by sha256, so that a release that shares its model with the one
before does not fetch it again.
"""

import re
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import AlreadyExistsError, NotModifiedError, PreconditionError

from lambda_app.errors import MissingObjectError, PhotoTooLargeError, PointerConflictError
from lambda_app.release.manifest import FileEntry, Pointer
from lambda_app.store.bucket_client import Patience, find_account, open_bucket, post_client, store_errors
from lambda_app.store.contract import OBJECTS, POINTER, UPLOADS, LivePointer, UploadTicket, parse_pointer
from lambda_app.store.ranged_download import RangedDownload

if TYPE_CHECKING:
    from obstore import Bytes, GetOptions, PutMode
    from obstore.store import S3Config
    from obstore.store import S3Store as Bucket

PRESIGNED = timedelta(minutes=5)
_UPLOAD = re.compile(rf"{UPLOADS}[0-9a-f-]{{36}}")
# While the pointer is looked at again, a request waits that the loaded release could answer: where S3 hangs, that must
# be over long before API Gateway's 30 s are. While a file goes up, the wait for an answer begins with its first byte.
_PATIENCE, _IMPATIENCE = Patience(connect=3, read=10, attempts=4), Patience(connect=1, read=2, attempts=2)
_UPLOADING = Patience(connect=3, read=300, attempts=4)
_PART_BYTES, _PARALLEL_PARTS = 8 << 20, 4
_CHUNK_BYTES, _KEYS_AT_ONCE = 1 << 20, 1000


class S3Store:
    """A store in a bucket. May be used from several threads."""

    def __init__(
        self, bucket: str, prefix: str = "", *, cache: Path | None = None, config: "S3Config | None" = None
    ) -> None:
        """Use `bucket`; every key lies under `prefix`.

        Args:
            cache: folder of fetched release files, for one process at a time; default: `lookalike-cache` in the
                system's temporary folder, which in a Lambda outlives a restart of the process.
            config: endpoint, credentials and region by obstore's names; default: those of the environment, else those
                that botocore finds.
        """
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.cache = cache or Path(tempfile.gettempdir()) / "lookalike-cache"
        self._config = config
        self._account: dict[str, Any] | None = None
        self._opened: dict[Patience, Bucket] = {}
        self._lock = threading.Lock()
        self._downloads: dict[str, RangedDownload] = {}

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def read(self, key: str) -> bytes:
        """An object's bytes.

        Raises:
            MissingObjectError: no such object.
            StoreError: S3 refused or did not answer.
        """
        with store_errors(key, self):
            return obstore.get(self._with(_PATIENCE), key).bytes().to_bytes()

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        try:
            with store_errors(key, self):
                obstore.head(self._with(_PATIENCE), key)
        except MissingObjectError:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix that ends with a slash, sorted."""
        with store_errors(prefix, self):
            for page in obstore.list(self._with(_PATIENCE), prefix, chunk_size=_KEYS_AT_ONCE):
                # The console's mark of a folder comes without its slash: it is not below the prefix.
                yield from (key for entry in page if (key := entry["path"]).startswith(prefix))

    def write(self, key: str, data: bytes) -> None:
        """Write an object whole, replacing what is there."""
        with store_errors(key, self):
            obstore.put(self._with(_PATIENCE), key, data, use_multipart=False)

    def upload(self, key: str, source: Path) -> None:
        """Copy a file in, whole, in parallel parts, replacing what is there."""
        with source.open("rb") as file, store_errors(key, self):
            # Read by Python, so that an interrupt from the keyboard ends it between two parts.
            obstore.put(
                self._with(_UPLOADING),
                key,
                iter(lambda: file.read(_PART_BYTES), b""),
                use_multipart=source.stat().st_size > _PART_BYTES,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARALLEL_PARTS,
            )

    def download(self, key: str, target: Path) -> None:
        """Copy an object to a file; `target` appears when it is whole.

        Raises:
            MissingObjectError: no such object.
        """
        partial = target.with_name(f".{target.name}.partial")
        try:
            with store_errors(key, self), partial.open("wb") as file:
                for chunk in obstore.get(self._with(_PATIENCE), key).stream(min_chunk_size=_CHUNK_BYTES):
                    file.write(chunk)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        with store_errors(key, self):
            obstore.delete(self._with(_PATIENCE), key)

    def local_file(self, entry: FileEntry) -> Path:
        """A verified copy on this machine of the object that holds a release's file; fetched unless the cache has it.

        Raises:
            MissingObjectError: no such object.
            ReleaseError: what S3 holds is not what the entry says.
            StoreError: S3 refused or did not answer; the parts that arrived are kept for the next call.
        """
        self.cache.mkdir(parents=True, exist_ok=True)
        with self._lock:
            download = self._downloads.setdefault(
                entry.sha256,
                RangedDownload(entry, self.cache / entry.sha256, lambda start, end: self._range(entry, start, end)),
            )
        path = download.finish()
        with self._lock:
            self._downloads.pop(entry.sha256, None)
        return path

    def keep_local(self, entries: Iterable[FileEntry]) -> None:
        """Delete every cached file but these. A file that is still open stays readable until it is closed."""
        stay = {entry.sha256 for entry in entries}
        for path in self.cache.glob("*"):
            if path.name not in stay:
                path.unlink(missing_ok=True)

    def photo_path(self, key: str) -> Path | None:  # noqa: ARG002 (the bucket answers for itself)
        """None: photos are fetched from the bucket by their presigned URL."""
        return None

    def photo_url(self, key: str) -> str | None:
        """A presigned URL of a photo, good for 5 minutes. Signed here, without asking S3."""
        with store_errors(key, self):
            return obstore.sign(self._with(_PATIENCE), "GET", key, PRESIGNED)

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:
        """A presigned POST for one photo: this key, this content type, at most `max_bytes`, within 5 minutes."""
        key = UPLOADS + str(uuid.uuid4())
        post = self._post_client.generate_presigned_post(
            self.bucket,
            self.prefix + key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=int(PRESIGNED.total_seconds()),
        )
        return UploadTicket(post["url"], post["fields"], key, datetime.now(UTC) + PRESIGNED, max_bytes)

    def read_upload(self, key: str, max_bytes: int) -> bytes:
        """The bytes of an uploaded photo.

        Raises:
            MissingObjectError: nothing was uploaded under that key, or it expired.
            PhotoTooLargeError: over `max_bytes`.
        """
        # Only what a ticket can have named: a key of the caller's choice must not read the rest of the store.
        if not _UPLOAD.fullmatch(key):
            raise MissingObjectError(f"{key!r} is no upload of this store")
        with store_errors(key, self):
            answer = obstore.get(self._with(_PATIENCE), key)
            if (length := answer.meta["size"]) > max_bytes:
                raise PhotoTooLargeError(f"{key} has {length:,} bytes; the limit of an upload is {max_bytes:,}")
            return answer.bytes().to_bytes()

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        """The live pointer.

        Args:
            unless: a version seen before; None is returned while the pointer still has it (S3 answers 304).

        Raises:
            MissingObjectError: nothing was ever promoted.
            StoreError: `live.json` is damaged, or S3 refused or did not answer.
        """
        bucket = self._with(_PATIENCE if unless is None else _IMPATIENCE)
        condition: GetOptions = {} if unless is None else {"if_none_match": unless}
        with store_errors(POINTER, self):
            try:
                answer = obstore.get(bucket, POINTER, options=condition)
            except NotModifiedError:
                return None
            data, version = answer.bytes().to_bytes(), str(answer.meta["e_tag"])
        return LivePointer(parse_pointer(data, str(self)), version)

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        """Move the pointer.

        Args:
            expected: the version that was read; None if there was no pointer.

        Raises:
            PointerConflictError: the pointer is no longer at `expected`.
        """
        mode: PutMode = "create" if expected is None else {"e_tag": expected}
        body = pointer.model_dump_json(indent=1).encode()
        with store_errors(POINTER, self):
            try:
                obstore.put(
                    self._with(_PATIENCE), POINTER, body, attributes={"Content-Type": "application/json"}, mode=mode
                )
            except (AlreadyExistsError, PreconditionError) as exc:
                raise PointerConflictError(
                    f"{POINTER} of {self} moved since it was read; look again and retry"
                ) from exc

    @cached_property
    def _post_client(self) -> Any:
        return post_client(self._config)

    def _with(self, patience: Patience) -> "Bucket":
        with self._lock:
            if self._account is None:
                self._account = find_account(self._config)
            if patience not in self._opened:
                self._opened[patience] = open_bucket(self.bucket, self.prefix, patience, self._account)
            return self._opened[patience]

    def _range(self, entry: FileEntry, start: int, end: int) -> "Bytes":
        key = OBJECTS + entry.sha256
        with store_errors(key, self):
            return obstore.get_range(self._with(_PATIENCE), key, start=start, end=end)
