"""Download one large object in parallel ranges to a file. The sha256 is verified before the file gets its final name.

One connection to S3 reaches about 90 MB/s at most; several parallel ranges use the full network bandwidth. An error, or
a Lambda that is frozen between requests, may interrupt a download. The parts already received are kept, and the next
call downloads only the missing ones.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_app.errors import DamagedFileError, MissingObjectError, StoreError
from lambda_app.release.manifest import FileEntry

if TYPE_CHECKING:
    from obstore import Bytes

PART_BYTES = 4 << 20
PARALLEL = 8
_ATTEMPTS = 2

log = logging.getLogger(__name__)


class RangedDownload:
    """A resumable download. `finish` may be called again after an error. Thread-safe."""

    def __init__(self, entry: FileEntry, target: Path, fetch: "Callable[[int, int], Bytes | bytes]") -> None:
        """Prepare the download; nothing is fetched yet.

        Args:
            entry: size and sha256 of the object.
            target: path of the verified file.
            fetch: returns the bytes from a start offset (inclusive) to an end offset (exclusive); raises StoreError.
        """
        self._entry = entry
        self._target = target
        self._fetch = fetch
        self._partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        self._missing = list(range(0, entry.bytes, PART_BYTES))
        self._lock = threading.Lock()

    def finish(self) -> Path:
        """Download the missing parts, verify the sha256, and rename the file to its target.

        Raises:
            StoreError: a part could not be downloaded; the parts that were received are kept.
            DamagedFileError: the sha256 or the length of a part is not as in `entry`.
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
                parts = {start: pool.submit(self._fetch_part, handle, start) for start in self._missing}
            failed = {start: error for start, part in parts.items() if (error := part.exception()) is not None}
        finally:
            os.close(handle)
        self._missing = sorted(failed)
        for error in failed.values():
            raise error

    def _fetch_part(self, handle: int, start: int) -> None:
        end = min(start + PART_BYTES, self._entry.bytes)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                data = self._fetch(start, end)
                break
            except MissingObjectError:
                raise
            except StoreError as exc:
                # obstore has its own retries, but its time limit of minutes also runs while a Lambda is frozen.
                if attempt == _ATTEMPTS:
                    raise StoreError(f"bytes {start} to {end} of {self._entry.file} cannot be fetched: {exc}") from exc
                log.info("bytes %d to %d of %s: %s; retrying", start, end, self._entry.file, exc)
        if len(data) != end - start:
            raise DamagedFileError(
                f"{self._entry.file} does not have the {self._entry.bytes} bytes that the manifest says"
            )
        os.pwrite(handle, data, start)

    def _verify(self) -> None:
        with self._partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self._entry.sha256:
            self._partial.unlink()
            raise DamagedFileError(f"{self._entry.file} has sha256 {digest}; the manifest says {self._entry.sha256}")
