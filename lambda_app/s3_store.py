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
from pathlib import Path
from typing import Any

from lambda_app.errors import (
    MissingObjectError,
    NotSupportedError,
    PhotoTooLargeError,
    PointerConflictError,
)
from lambda_app.preprocessing import MEDIA_TYPES
from lambda_app.ranged_download import PARALLEL, RangedDownload
from lambda_app.release import FileEntry, Pointer
from lambda_app.s3_client import Patience, download_file, make_client, store_errors, upload_file
from lambda_app.store import OBJECTS, POINTER, UPLOADS, LivePointer, UploadTicket, parse_pointer

PRESIGNED_SECONDS = 300
_UPLOAD = re.compile(rf"{UPLOADS}[0-9a-f-]{{36}}")
# While the pointer is looked at again, a request waits that the loaded release could answer: where S3 hangs, that must
# be over long before API Gateway's 30 s are. A second client costs some 0.1 s, so the first look goes without.
_PATIENCE, _IMPATIENCE = Patience(connect=3, read=10, attempts=4), Patience(connect=1, read=2, attempts=2)
# 412: the condition failed. 409: another conditional write is under way. 404: If-Match on a key that is gone.
_CONFLICT = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict", "404", "NoSuchKey"}


class S3Store:
    """A store in a bucket. May be used from several threads."""

    def __init__(self, bucket: str, prefix: str = "", *, cache: Path | None = None, client: Any = None) -> None:
        """Use `bucket`; every key lies under `prefix`.

        Args:
            cache: folder of fetched release files, for one process at a time; default: `lookalike-cache` in the
                system's temporary folder, which in a Lambda outlives a restart of the process.
            client: botocore's or boto3's S3 client; default: one from the environment's credentials and region.
        """
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.cache = cache or Path(tempfile.gettempdir()) / "lookalike-cache"
        self._made = {} if client is None else dict.fromkeys((_PATIENCE, _IMPATIENCE), client)
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
            data: bytes = self._client.get_object(**self._at(key))["Body"].read()
        return data

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        try:
            with store_errors(key, self):
                self._client.head_object(**self._at(key))
        except MissingObjectError:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix that ends with a slash, sorted."""
        with store_errors(prefix, self):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            ):
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self.prefix)

    def write(self, key: str, data: bytes) -> None:
        """Write an object whole, replacing what is there."""
        with store_errors(key, self):
            self._client.put_object(**self._at(key), Body=data)

    def write_new(self, key: str, data: bytes) -> bool:
        """Write an object unless the key is taken.

        Returns:
            Whether it was written.
        """
        from botocore.exceptions import ClientError

        with store_errors(key, self):
            try:
                self._client.put_object(**self._at(key), Body=data, IfNoneMatch="*")
            except ClientError as exc:
                if exc.response["Error"]["Code"] in _CONFLICT:
                    return False
                raise
        return True

    def upload(self, key: str, source: Path) -> None:
        """Copy a file in, whole, in parallel parts, replacing what is there."""
        with store_errors(key, self):
            upload_file(self._client, source, self.bucket, self.prefix + key)

    def download(self, key: str, target: Path) -> None:
        """Copy an object to a file.

        Raises:
            MissingObjectError: no such object.
        """
        with store_errors(key, self):
            download_file(self._client, self.bucket, self.prefix + key, target)

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        with store_errors(key, self):
            self._client.delete_object(**self._at(key))

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
        url: str = self._client.generate_presigned_url("get_object", Params=self._at(key), ExpiresIn=PRESIGNED_SECONDS)
        return url

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:
        """A presigned POST for one photo: this key, this content type, at most `max_bytes`, within 5 minutes.

        Raises:
            NotSupportedError: a content type that no photo has.
        """
        if content_type not in (known := sorted(MEDIA_TYPES.values())):
            raise NotSupportedError(f"content_type {content_type!r} cannot be uploaded; there are {', '.join(known)}")
        key = UPLOADS + str(uuid.uuid4())
        post = self._client.generate_presigned_post(
            self.bucket,
            self.prefix + key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=PRESIGNED_SECONDS,
        )
        expires = datetime.now(UTC) + timedelta(seconds=PRESIGNED_SECONDS)
        return UploadTicket(post["url"], post["fields"], key, expires, max_bytes)

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
            answer = self._client.get_object(**self._at(key))
            if (length := answer["ContentLength"]) > max_bytes:
                raise PhotoTooLargeError(f"{key} has {length:,} bytes; the limit of an upload is {max_bytes:,}")
            data: bytes = answer["Body"].read()
        return data

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        """The live pointer.

        Args:
            unless: a version seen before; None is returned while the pointer still has it (S3 answers 304).

        Raises:
            MissingObjectError: nothing was ever promoted.
            StoreError: `live.json` is damaged, or S3 refused or did not answer.
        """
        from botocore.exceptions import ClientError

        condition = {} if unless is None else {"IfNoneMatch": unless}
        with store_errors(POINTER, self):
            try:
                client = self._client_of(_PATIENCE if unless is None else _IMPATIENCE)
                answer = client.get_object(**self._at(POINTER), **condition)
                data, version = answer["Body"].read(), answer["ETag"]
            except ClientError as exc:
                if exc.response["Error"]["Code"] in ("304", "NotModified"):
                    return None
                raise
        return LivePointer(parse_pointer(data, str(self)), version)

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        """Move the pointer.

        Args:
            expected: the version that was read; None if there was no pointer.

        Raises:
            PointerConflictError: the pointer is no longer at `expected`.
        """
        from botocore.exceptions import ClientError

        condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}
        body = pointer.model_dump_json(indent=1).encode()
        with store_errors(POINTER, self):
            try:
                self._client.put_object(**self._at(POINTER), Body=body, ContentType="application/json", **condition)
            except ClientError as exc:
                if exc.response["Error"]["Code"] in _CONFLICT:
                    raise PointerConflictError(
                        f"{POINTER} of {self} moved since it was read; look again and retry"
                    ) from exc
                raise

    @property
    def _client(self) -> Any:
        return self._client_of(_PATIENCE)

    def _client_of(self, patience: Patience) -> Any:
        with self._lock:
            if patience not in self._made:
                self._made[patience] = make_client(patience, connections=2 * PARALLEL)
            return self._made[patience]

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + key}

    def _range(self, entry: FileEntry, start: int, end: int) -> bytes:
        key = OBJECTS + entry.sha256
        with store_errors(key, self):
            answer = self._client.get_object(**self._at(key), Range=f"bytes={start}-{end - 1}")
            data: bytes = answer["Body"].read()
        return data
