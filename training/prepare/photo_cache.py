"""The photo cache: all photos, decoded once by the serving code, in one array that can be memory-mapped.

Threads decode the photos (Pillow releases the GIL) with a bounded number in flight; rows are written in input order. So
memory does not grow with the number of photos, and the result does not depend on thread timing. Photos that an earlier
run decoded are taken over; if they are all the same, in the same order, the file itself is.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import PhotoError
from lambda_app.likeness.fingerprint import fingerprint_of
from lambda_app.photo.rules import Preprocessing
from training.dataset import SOURCES
from training.pipeline.disk import check_space, writing
from training.pipeline.in_order import in_order
from training.pipeline.progress import ProgressReporter
from training.prepare.decoded import Decoded, Source, file_state, is_settled, recorded_sources
from training.prepare.intake.tables import ImageRow, Intake
from training.prepare.photo_loading import decode, read_photo, reject_photo

_ROWS_COPIED_AT_ONCE = 256


@dataclass(frozen=True)
class _Loaded:
    """A photo that is decoded (`pixels`), or that an earlier run has decoded (`row` there)."""

    source: Source
    pixels: npt.NDArray[np.uint8] | None = None
    row: int | None = None


def fill(
    data: Path,
    cache: Path,
    intake: Intake,
    preprocessing: Preprocessing,
    *,
    workers: int,
    progress: ProgressReporter,
    key: str = "",
    earlier: Decoded | None = None,
) -> int:
    """Decode every photo of `intake` into `cache`. Photos that cannot be decoded are rejected, with the reason.

    Args:
        data: the data folder; photo paths are relative to it.
        cache: `.npy` file to write, uint8 (n, size, size, 3). Row i belongs to row i of the table `cached` of `intake`,
            which also stores the SHA-256 of the photo's bytes. The file of sources is written beside it.
        preprocessing: the same settings as in serving.
        workers: number of decoding threads.
        key: what the pixels depend on besides the photo, for the file of sources.
        earlier: photos that need not be decoded again; of the same key.

    Returns:
        Number of photos that were taken over from `earlier`.

    Raises:
        DiskFullError: the photos do not fit on the disk.
    """
    size, count = preprocessing.size, intake.count("images")
    if earlier is None:
        check_space(cache, count * size * size * 3)

    def load(numbered: tuple[int, ImageRow]) -> _Loaded:
        return _load(data, numbered[1].photo, preprocessing, earlier)

    def known(numbered: tuple[int, ImageRow]) -> _Loaded | None:
        return _taken_over(data, numbered[1].photo, earlier)

    taken_over = 0
    images = progress(intake.images(), count, "photos", "photo")
    with (
        recorded_sources(cache.with_name(SOURCES), key) as sources,
        _Rows(cache, (size, size, 3), earlier) as rows,
    ):
        for (number, image), loaded in in_order(images, load, workers, known):
            try:
                photo = loaded.result()
            except (PhotoError, OSError) as exc:
                reject_photo(intake, image, exc)
                continue
            row = rows.add(photo)
            taken_over += photo.row is not None
            content = photo.source.content
            intake.db.execute("INSERT INTO cached VALUES (?, ?, ?)", (row, number, content))
            sources.execute("INSERT INTO sources VALUES (?, ?, ?, ?, ?)", (row, *astuple(photo.source)))
    return taken_over


class RowWriter:
    """Writes a uint8 `.npy` file row by row, when the number of rows is not known in advance."""

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Create the file `path` for rows of `shape`."""
        self._path = path
        self._shape = shape
        self._rows = 0
        self._file = path.open("wb")
        self._write_header()
        self._header_bytes = self._file.tell()

    def append(self, row: npt.NDArray[np.uint8]) -> None:
        """Append one row, a uint8 array of the file's row shape."""
        self.extend(row[np.newaxis])

    def extend(self, rows: npt.NDArray[np.uint8]) -> None:
        """Append several rows: uint8 (n, ...).

        Raises:
            DiskFullError: the disk is full.
        """
        if rows.shape[1:] != self._shape or rows.dtype != np.uint8:
            raise ValueError(f"a row is {rows.dtype} {rows.shape[1:]}; the file holds uint8 {self._shape}")
        with writing(self._path):
            self._file.write(np.ascontiguousarray(rows).data)
        self._rows += len(rows)

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, failure: type[BaseException] | None, *about: object) -> None:
        if failure is not None and issubclass(failure, Exception):
            with suppress(OSError):  # on a full disk, closing the file fails again
                self._file.close()
            return
        with writing(self._path), self._file as file:
            file.seek(0)
            self._write_header()
            # numpy pads the header so that a larger first axis fits in the same space (NEP 1, numpy.lib.format).
            if file.tell() != self._header_bytes:
                raise RuntimeError(f"the length of the header of {file.name} has changed")

    def _write_header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


class _Rows:
    """The rows of a photo cache. Nothing is written as long as they are the first rows of the earlier file."""

    def __init__(self, path: Path, shape: tuple[int, ...], earlier: Decoded | None) -> None:
        self._path, self._shape, self._earlier = path, shape, earlier
        self._writer: RowWriter | None = None
        self._count = 0

    def add(self, photo: _Loaded) -> int:
        """Append a photo. Returns its row."""
        if photo.pixels is not None:
            self._own_file().append(photo.pixels)
        elif self._writer is not None or photo.row != self._count:
            self._own_file().extend(self._earlier_rows(photo.row or 0, 1))
        self._count += 1
        return self._count - 1

    def __enter__(self) -> "_Rows":
        return self

    def __exit__(self, failure: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        if self._writer is None and failure is not None and issubclass(failure, Exception):
            return
        if not self._is_earlier_file() or not _linked(self._earlier, self._path):
            self._own_file().__exit__(failure, exc, trace)

    def _is_earlier_file(self) -> bool:
        return self._writer is None and self._earlier is not None and self._count == len(self._earlier)

    def _own_file(self) -> RowWriter:
        """The writer, which begins with the rows so far."""
        if self._writer is None:
            self._writer = RowWriter(self._path, self._shape)
            for start in range(0, self._count, _ROWS_COPIED_AT_ONCE):
                self._writer.extend(self._earlier_rows(start, min(_ROWS_COPIED_AT_ONCE, self._count - start)))
        return self._writer

    def _earlier_rows(self, start: int, count: int) -> npt.NDArray[np.uint8]:
        if self._earlier is None:
            raise RuntimeError("there are no earlier photos")
        return self._earlier.pixels[start : start + count]


def _linked(earlier: Decoded | None, path: Path) -> bool:
    """Make the earlier file of pixels available at `path` too. Returns whether it could be."""
    if earlier is None or earlier.path is None:
        return False
    try:
        path.hardlink_to(earlier.path)
    except OSError:  # a file system without hard links
        return False
    return True


def _taken_over(data: Path, photo: str, earlier: Decoded | None) -> _Loaded | None:
    """The photo as an earlier run decoded it, if its file has not changed since; it is not read."""
    if earlier is None:
        return None
    try:
        state = file_state(os.stat(f"{data}/{photo}"))  # noqa: PTH116  faster than Path, called 100,000 times
    except OSError:
        return None  # `_load` reports it
    found = earlier.of_state(photo, state)
    return None if found is None else _Loaded(found[1], row=found[0])


def _load(data: Path, photo: str, preprocessing: Preprocessing, earlier: Decoded | None) -> _Loaded:
    path = data / photo
    status = path.stat()
    settled = is_settled(status)
    content = read_photo(path, status)
    state, digest = file_state(status) if settled else None, hashlib.sha256(content).digest()
    if earlier is not None and (found := earlier.of_content(digest, photo)) is not None:
        return _Loaded(Source(photo, state, digest, found[1]), row=found[0])
    loaded = decode(content, photo, preprocessing)
    return _Loaded(Source(photo, state, digest, fingerprint_of(loaded.overview).tobytes()), loaded.square)
