"""The photo cache: all photos, decoded once by the serving code, in one array that can be memory-mapped.

Threads decode the photos (Pillow releases the GIL) with a bounded number in flight; rows are written in input order. So
memory does not grow with the number of photos, and the result does not depend on thread timing.
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

# A photo within the pixel limit is smaller than this in any usual format. Reading a larger file would waste memory.
MAX_FILE_BYTES = 256 * 2**20


def fill(
    data: Path, cache: Path, intake: Intake, preprocessing: Preprocessing, *, workers: int, progress: ProgressReporter
) -> None:
    """Decode every photo of `intake` into `cache`. Photos that cannot be decoded are rejected as `unreadable_photo`.

    Args:
        data: the data folder; photo paths are relative to it.
        cache: `.npy` file to write, uint8 (n, size, size, 3). Row i belongs to row i of the table `cached` of `intake`,
            which also stores the SHA-256 of the photo's bytes.
        preprocessing: the same settings as in serving.
        workers: number of decoding threads.
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
                intake.reject("images", image.source, image.record, image.id, "unreadable_photo", detail, image.line)
                continue
            writer.append(rgb)
            intake.db.execute("INSERT INTO cached VALUES (?, ?, ?)", (rows, number, digest))
            rows += 1


class RowWriter:
    """Writes a uint8 `.npy` file row by row, when the number of rows is not known in advance."""

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Create the file `path` for rows of `shape`."""
        self._shape = shape
        self._rows = 0
        self._file = path.open("wb")
        self._write_header()
        self._header_bytes = self._file.tell()

    def append(self, row: npt.NDArray[np.uint8]) -> None:
        """Append one row, a uint8 array of the file's row shape."""
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
            # numpy pads the header so that a larger first axis fits in the same space (NEP 1, numpy.lib.format).
            if file.tell() != self._header_bytes:
                raise RuntimeError(f"the length of the header of {file.name} has changed")

    def _write_header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise PhotoTooLargeError(f"the file is {size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
    return path.read_bytes()
