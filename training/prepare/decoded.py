"""Photos that an earlier run has decoded. A later run takes their pixels over instead of decoding them again.

sources.sqlite   table `sources`: for each row of photos.npy, the photo's path, state, SHA-256 and
                 fingerprint
                 table `about`: the key

A photo is the same if its path, size, times and inode are, and so it is not even read. Else it is read, and it is the
same if its SHA-256 is. The change time (ctime) is compared too, because programs that copy files keep the other one. A
file that changed less than 2 s before it was read may change again within the resolution of a clock, so its state is
not trusted (as in git: Documentation/technical/racy-git).
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.dataset import PHOTOS, SOURCES
from training.pipeline.disk import writing

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE about (key TEXT NOT NULL);
CREATE TABLE sources (row INTEGER PRIMARY KEY, path TEXT NOT NULL, state TEXT, content BLOB NOT NULL,
    fingerprint BLOB NOT NULL);
"""
_INDEXES = "CREATE INDEX sources_by_path ON sources (path); CREATE INDEX sources_by_content ON sources (content);"
_TRUSTED_AFTER_NS = 2 * 10**9


@dataclass(frozen=True)
class Source:
    """The file of a decoded photo.

    Attributes:
        path: relative to the data folder.
        state: size, times and inode of the file before it was read; None if they are not to be trusted.
        content: SHA-256 of its bytes.
        fingerprint: of the whole photo, see `lambda_app.likeness`.
    """

    path: str
    state: str | None
    content: bytes
    fingerprint: bytes


class Decoded:
    """The photos of an earlier run.

    Attributes:
        pixels: uint8 (n, size, size, 3), memory-mapped.
        path: the file of the pixels; None if it holds more of them, as after a run that was stopped.
    """

    def __init__(self, path: Path | None, pixels: npt.NDArray[np.uint8], db: sqlite3.Connection) -> None:
        self.path, self.pixels, self._db = path, pixels, db
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.pixels)

    def of_state(self, path: str, state: str) -> tuple[int, Source] | None:
        """Row and source of the photo at `path`, if the file has not changed since."""
        sql = "SELECT row, path, state, content, fingerprint FROM sources WHERE path = ? AND state = ?"
        with self._lock:  # threads that decode photos ask too
            row = self._db.execute(sql, (path, state)).fetchone()
        return None if row is None else (int(row[0]), Source(*row[1:]))

    def of_content(self, content: bytes, path: str) -> tuple[int, bytes] | None:
        """Row and fingerprint of a photo with this SHA-256: of the one at `path`, else at any path."""
        sql = "SELECT row, fingerprint FROM sources WHERE content = ? ORDER BY path != ?, row LIMIT 1"
        with self._lock:
            row = self._db.execute(sql, (content, path)).fetchone()
        return None if row is None else (int(row[0]), row[1])

    def close(self) -> None:
        self._db.close()


@contextmanager
def earlier_photos(folders: Sequence[Path], key: str) -> Iterator[Decoded | None]:
    """The photos in the folder that has most of them under this key; None if none has any.

    Args:
        key: what the pixels depend on besides the photo: settings and code.
    """
    found = [photos for folder in folders if (photos := _open(folder, key)) is not None]
    try:
        yield max(found, key=len, default=None)
    finally:
        for photos in found:
            photos.close()


@contextmanager
def recorded_sources(path: Path, key: str) -> Iterator[sqlite3.Connection]:
    """A new file of sources. It is complete when the block ends, also if an error ends it."""
    with writing(path), closing(sqlite3.connect(path)) as db:
        db.executescript(_TABLES)
        db.execute("INSERT INTO about VALUES (?)", (key,))
        try:
            yield db
        finally:
            db.executescript(_INDEXES)
            db.commit()


def count_sources(folder: Path) -> int:
    """Number of photos in a folder's file of sources."""
    with closing(sqlite3.connect(folder / SOURCES)) as db:
        return int(db.execute("SELECT count(*) FROM sources").fetchone()[0])


def file_state(status: os.stat_result) -> str:
    """Size, times and inode of a file: a text that changes if the file does."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {status.st_dev}"


def is_settled(status: os.stat_result) -> bool:
    """Whether a file was last changed long enough ago for its next change to be seen in its times."""
    return max(status.st_mtime_ns, status.st_ctime_ns) < time.time_ns() - _TRUSTED_AFTER_NS


def _open(folder: Path, key: str) -> Decoded | None:
    sources, photos = folder / SOURCES, folder / PHOTOS
    if not sources.is_file() or not photos.is_file():
        return None
    db = sqlite3.connect(f"{sources.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    with suppress(OSError, ValueError, sqlite3.Error):  # a damaged file is of no use
        pixels: npt.NDArray[np.uint8] = np.load(photos, mmap_mode="r", allow_pickle=False)
        (count,) = db.execute("SELECT count(*) FROM sources JOIN about WHERE key = ?", (key,)).fetchone()
        if 0 < count <= pixels.shape[0] and pixels.dtype == np.uint8:
            return Decoded(photos if count == pixels.shape[0] else None, pixels[:count], db)
    db.close()
    return None
