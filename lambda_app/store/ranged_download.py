"""Fetch one large object in parallel ranges into a file, verified by sha256 before it gets its name.

One connection to S3 carries some 90 MB/s at best; several ranges at once fill the network of the machine. Parts that
arrived stay, so that a fetch that was cut off, by an error or by a Lambda that was frozen between requests, goes on
where it stopped.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_app.errors import MissingObjectError, ReleaseError, StoreError
from lambda_app.release.manifest import FileEntry

if TYPE_CHECKING:
    from obstore import Bytes

PART_BYTES = 4 << 20
PARALLEL = 8
_TRIES = 2

log = logging.getLogger(__name__)


class RangedDownload:
    """A fetch under way. `finish` may be called again after an error, and from several threads."""

    def __init__(self, entry: FileEntry, target: Path, fetch: "Callable[[int, int], Bytes | bytes]") -> None:
        """Prepare the fetch.

        Args:
            entry: size and sha256 of the object.
            target: where the verified file goes.
            fetch: gives the bytes from an offset (inclusive) to another (exclusive); raises StoreError.
        """
        self._entry = entry
        self._target = target
        self._fetch = fetch
        self._partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        self._missing = list(range(0, entry.bytes, PART_BYTES))
        self._lock = threading.Lock()

    def finish(self) -> Path:
        """Fetch what is missing, verify, rename.

        Raises:
            StoreError: a part could not be had; those that arrived are kept.
            ReleaseError: the whole has another sha256.
        """
        with self._lock:
            if self._target.exists():
                return self._target
            if not self._partial.exists():
                self._missing = list(range(0, self._entry.bytes, PART_BYTES))
                self._partial.touch()
            self._fetch_missing()
            self._verify()
            self._partial.replace(self._target)
            return self._target

    def _fetch_missing(self) -> None:
        handle = os.open(self._partial, os.O_WRONLY)
        try:
            os.ftruncate(handle, self._entry.bytes)
            with ThreadPoolExecutor(max_workers=PARALLEL, thread_name_prefix="download") as pool:
                parts = {start: pool.submit(self._part, handle, start) for start in self._missing}
            failed = {start: error for start, part in parts.items() if (error := part.exception()) is not None}
        finally:
            os.close(handle)
        self._missing = sorted(failed)
        for error in failed.values():
            raise error

    def _part(self, handle: int, start: int) -> None:
        end = min(start + PART_BYTES, self._entry.bytes)
        for attempt in range(1, _TRIES + 1):
            try:
                data = self._fetch(start, end)
                break
            except MissingObjectError:
                raise
            except StoreError as exc:
                # obstore has tried, but for minutes at most, and a Lambda may have been frozen for longer.
                if attempt == _TRIES:
                    raise StoreError(f"bytes {start} to {end} of {self._entry.file} cannot be fetched: {exc}") from exc
                log.info("bytes %d to %d of %s: %s; trying again", start, end, self._entry.file, exc)
        if len(data) != end - start:
            raise ReleaseError(f"{self._entry.file} has not the {self._entry.bytes} bytes that the manifest says")
        os.pwrite(handle, data, start)

    def _verify(self) -> None:
        with self._partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self._entry.sha256:
            self._partial.unlink()
            raise ReleaseError(f"{self._entry.file} has sha256 {digest}; the manifest says {self._entry.sha256}")
