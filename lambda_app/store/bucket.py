"""A store in an S3 bucket, under an optional prefix. Same layout and guarantees as the folder store.

Release files are downloaded into a local cache keyed by sha256. If two releases share a file, such as the model, it is
downloaded only once.
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

from lambda_app.errors import ConflictError, MissingObjectError, PhotoTooLargeError
from lambda_app.release.manifest import FileEntry
from lambda_app.release.photo_key import is_photo_key
from lambda_app.store.bucket_client import Timeouts, find_account, open_bucket, post_client, store_errors
from lambda_app.store.contract import OBJECTS, UPLOADS, UploadTicket, Versioned
from lambda_app.store.pointer import PointerMethods
from lambda_app.store.ranged_download import RangedDownload

if TYPE_CHECKING:
    from obstore import Bytes, GetOptions, PutMode
    from obstore.store import S3Config
    from obstore.store import S3Store as Bucket

PRESIGNED = timedelta(minutes=5)
_UPLOAD = re.compile(rf"{UPLOADS}[0-9a-f-]{{36}}")
_TIMEOUTS = Timeouts(connect=3, read=10, attempts=4)
# The pointer is read again in the background. If S3 hangs, the read must end early, so that the next one can
# find S3 back.
_REREAD_TIMEOUTS = Timeouts(connect=1, read=2, attempts=2)
# The read timeout of an upload starts with the first byte sent, so it must cover the whole transfer of a part.
_UPLOAD_TIMEOUTS = Timeouts(connect=3, read=300, attempts=4)
_PART_BYTES, _PARALLEL_PARTS = 8 << 20, 4
_CHUNK_BYTES, _KEYS_AT_ONCE = 1 << 20, 1000


class S3Store(PointerMethods):
    """A store in an S3 bucket. Thread-safe."""

    takes_uploads = True

    def __init__(
        self, bucket: str, prefix: str = "", *, cache: Path | None = None, config: "S3Config | None" = None
    ) -> None:
        """Create the store; nothing is sent to S3 yet.

        Args:
            bucket: name of the bucket.
            prefix: key prefix of all objects of the store; empty for the whole bucket.
            cache: folder for downloaded release files; only one process at a time may use it. Default: in the system's
                temporary folder, which in a Lambda survives a restart of the process.
            config: endpoint, credentials and region, with obstore's key names. Default: the environment, else botocore.
        """
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.cache = cache or Path(tempfile.gettempdir()) / "lookalike-cache"
        self._config = config
        self._account: dict[str, Any] | None = None
        self._clients: dict[Timeouts, Bucket] = {}
        self._lock = threading.Lock()
        self._downloads: dict[str, RangedDownload] = {}

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def read(self, key: str) -> bytes:
        """Read an object.

        Raises:
            MissingObjectError: there is no such object.
            StoreError: S3 refused the request or did not respond.
        """
        with store_errors(key, self):
            return obstore.get(self._client(_TIMEOUTS), key).bytes().to_bytes()

    def exists(self, key: str) -> bool:
        """Whether the object exists."""
        try:
            with store_errors(key, self):
                obstore.head(self._client(_TIMEOUTS), key)
        except MissingObjectError:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that start with `prefix`, sorted. `prefix` must end with a slash."""
        return (key for key, _ in self.times(prefix))

    def keys_after(self, key: str) -> Iterator[str]:
        """The keys in the folder of `key` that sort after it, sorted. S3 lists no earlier ones."""
        return (found for found, _ in self._listed(key.rpartition("/")[0] + "/", after=key))

    def times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """As `keys`, each key with the moment of its last write."""
        return self._listed(prefix)

    def _listed(self, prefix: str, after: str | None = None) -> Iterator[tuple[str, datetime]]:
        with store_errors(prefix, self):
            for page in obstore.list(self._client(_TIMEOUTS), prefix, offset=after, chunk_size=_KEYS_AT_ONCE):
                # The S3 console marks a folder by an empty object `folder/`. obstore lists it as `folder`: skip it.
                found = ((entry["path"], entry["last_modified"]) for entry in page)
                yield from (pair for pair in found if pair[0].startswith(prefix))

    def write(self, key: str, data: bytes) -> None:
        """Write an object atomically; an existing object is replaced."""
        with store_errors(key, self):
            obstore.put(self._client(_TIMEOUTS), key, data, use_multipart=False)

    def upload(self, key: str, source: Path) -> None:
        """Upload a local file as one atomic write, in parallel parts if it is large; an existing object is replaced."""
        with source.open("rb") as file, store_errors(key, self):
            # Python reads the file, so that Ctrl-C stops the upload between two parts.
            obstore.put(
                self._client(_UPLOAD_TIMEOUTS),
                key,
                iter(lambda: file.read(_PART_BYTES), b""),
                use_multipart=source.stat().st_size > _PART_BYTES,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARALLEL_PARTS,
            )

    def download(self, key: str, target: Path) -> None:
        """Download an object to a local file. `target` appears only when the download is complete.

        Raises:
            MissingObjectError: there is no such object.
        """
        partial = target.with_name(f".{target.name}.partial")
        try:
            with store_errors(key, self), partial.open("wb") as file:
                for chunk in obstore.get(self._client(_TIMEOUTS), key).stream(min_chunk_size=_CHUNK_BYTES):
                    file.write(chunk)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """Delete an object. Does nothing if it does not exist."""
        with store_errors(key, self):
            obstore.delete(self._client(_TIMEOUTS), key)

    def local_file(self, entry: FileEntry) -> Path:
        """A local, verified copy of a release file. It is downloaded if the cache does not have it.

        Raises:
            MissingObjectError: there is no such object.
            DamagedFileError: the object does not match the size or the sha256 in `entry`.
            StoreError: S3 refused the request or did not respond. The next call downloads only the missing parts.
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
        """Delete all cached files except these. A process that still has a deleted file open can go on reading it."""
        kept = {entry.sha256 for entry in entries}
        for path in self.cache.glob("*"):
            if path.name not in kept:
                path.unlink(missing_ok=True)

    def photo_path(self, key: str) -> Path | None:  # noqa: ARG002 (always None)
        """Always None: clients fetch photos from the bucket by presigned URL."""
        return None

    def photo_url(self, key: str) -> str | None:
        """A presigned URL, valid for 5 minutes, signed without a request to S3; None if the key cannot be a photo's."""
        if not is_photo_key(key):
            return None
        with store_errors(key, self):
            return obstore.sign(self._client(_TIMEOUTS), "GET", key, PRESIGNED)

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:
        """A presigned POST for one photo: for 5 minutes, one random key, this content type, at most `max_bytes`."""
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
        """Read an uploaded photo.

        Raises:
            MissingObjectError: nothing was uploaded under this key, or the upload has expired.
            PhotoTooLargeError: the photo has more than `max_bytes`.
        """
        # The caller chooses the key. Accept only keys that an upload ticket can have, to protect all other objects.
        if not _UPLOAD.fullmatch(key):
            raise MissingObjectError(f"{key!r} is not an upload of this store")
        with store_errors(key, self):
            answer = obstore.get(self._client(_TIMEOUTS), key)
            if (length := answer.meta["size"]) > max_bytes:
                raise PhotoTooLargeError(f"{key} has {length:,} bytes; the limit of an upload is {max_bytes:,}")
            return answer.bytes().to_bytes()

    def read_versioned(self, key: str, unless: str | None = None) -> Versioned | None:
        """Read an object with its version, which is its ETag. If that is still `unless`, S3 responds 304.

        Raises:
            MissingObjectError: there is no such object.
            StoreError: S3 refused the request or did not respond.
        """
        bucket = self._client(_TIMEOUTS if unless is None else _REREAD_TIMEOUTS)
        condition: GetOptions = {} if unless is None else {"if_none_match": unless}
        with store_errors(key, self):
            try:
                answer = obstore.get(bucket, key, options=condition)
            except NotModifiedError:
                return None
            return Versioned(answer.bytes().to_bytes(), str(answer.meta["e_tag"]))

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """Write an object, as a conditional write: If-Match `expected`, or If-None-Match * if that is None.

        Raises:
            ConflictError: the object no longer has the version `expected`.
        """
        mode: PutMode = "create" if expected is None else {"e_tag": expected}
        bucket = self._client(_TIMEOUTS)
        with store_errors(key, self):
            try:
                obstore.put(bucket, key, data, attributes={"Content-Type": "application/json"}, mode=mode)
            except (AlreadyExistsError, PreconditionError) as exc:
                raise ConflictError(f"{key} of {self} has changed since it was read; try again") from exc

    @cached_property
    def _post_client(self) -> Any:
        return post_client(self._config)

    def _client(self, timeouts: Timeouts) -> "Bucket":
        with self._lock:
            if self._account is None:
                self._account = find_account(self._config)
            if timeouts not in self._clients:
                self._clients[timeouts] = open_bucket(self.bucket, self.prefix, timeouts, self._account)
            return self._clients[timeouts]

    def _range(self, entry: FileEntry, start: int, end: int) -> "Bytes":
        key = OBJECTS + entry.sha256
        with store_errors(key, self):
            return obstore.get_range(self._client(_TIMEOUTS), key, start=start, end=end)
