"""The photo cache: every photo decoded once, by the code that serves, into one memory-mapped array.

Photos are decoded by threads (Pillow releases the GIL) with a bounded number in flight, and written in order, so that
neither memory nor the result depends on how many there are or on how fast each thread was.
"""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import PhotoError, PhotoTooLargeError
from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from training.pipeline.in_order import in_order
from training.pipeline.progress import ProgressReporter
from training.prepare.intake.tables import Intake

# More than a photo of the pixel limit takes in any usual form; a larger file would only cost memory.
MAX_FILE_BYTES = 256 * 2**20


def fill(
    data: Path, cache: Path, intake: Intake, preprocessing: Preprocessing, *, workers: int, progress: ProgressReporter
) -> None:
    """Decode every photo of `intake` into `cache`; one that does not decode is rejected as `unreadable_photo`.

    Args:
        data: folder that the photos' paths are relative to.
        cache: `.npy` file to write, uint8 (n, size, size, 3). Row i is row i of the table `cached` of `intake`, which
            also holds the SHA-256 of each photo's bytes.
        preprocessing: that of serving.
        workers: decoding threads.
    """

    def load(photo: str) -> tuple[npt.NDArray[np.uint8], bytes]:
        content = _read(data / photo)
        return load_rgb(content, preprocessing), hashlib.sha256(content).digest()

    rows = 0
    size = preprocessing.size
    images = progress(intake.images(), intake.count("images"), "photos", "photo")
    with RowWriter(cache, (size, size, 3)) as writer:
        for (number, image), loaded in in_order(images, lambda numbered: load(numbered[1].photo), workers):
            try:
                rgb, digest = loaded.result()
            except (PhotoError, OSError) as exc:
                detail = f"{image.photo}: {exc}"
                intake.reject("images", image.source, image.record, image.id, "unreadable_photo", detail)
                continue
            writer.append(rgb)
            intake.db.execute("INSERT INTO cached VALUES (?, ?, ?)", (rows, number, digest))
            rows += 1


class RowWriter:
    """Writes a uint8 `.npy` file row by row, for a number of rows that is known only at the end."""

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Open `path` for rows of `shape`."""
        self._shape = shape
        self._rows = 0
        self._file = path.open("wb")
        self._write_header()
        self._begin = self._file.tell()

    def append(self, row: npt.NDArray[np.uint8]) -> None:
        """Write one row, uint8 of the shape given."""
        if row.shape != self._shape or row.dtype != np.uint8:
            raise ValueError(f"a row is {row.dtype} {row.shape}; the file holds uint8 {self._shape}")
        self._file.write(np.ascontiguousarray(row).data)
        self._rows += 1

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *failure: object) -> None:
        with self._file as file:
            file.seek(0)
            self._write_header()
            # numpy pads the header so that the first axis can grow in place (NEP 1, numpy.lib.format).
            if file.tell() != self._begin:
                raise RuntimeError(f"the header of {file.name} changed its length")

    def _write_header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise PhotoTooLargeError(f"the file is {size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
    return path.read_bytes()
