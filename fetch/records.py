"""The tables of a data folder that `scripts/fetch` fills: photos that are there, and failures."""

import csv
import fcntl
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fetch.failure import FetchFailedError
from training.errors import DataError, TrainingError
from training.pipeline.files import write_file
from training.pipeline.progress import ProgressReporter
from training.prepare.intake.fetched import COLUMNS, FAILURES, FOLDER, TABLE, FetchedPhoto, read_fetched

FAILURE_COLUMNS = ["url", "reason", "status", "attempts", "detail"]
_LOCK = f"{FOLDER}/.lock"


@dataclass(frozen=True)
class FailedPhoto:
    """A row of the table of failures."""

    url: str
    failure: FetchFailedError
    attempts: int

    def cells(self) -> list[str]:
        """The row as it stands in the table."""
        status = "" if self.failure.status is None else str(self.failure.status)
        return [self.url, self.failure.reason, status, str(self.attempts), self.failure.detail]


class PhotoTable:
    """The table of photos of a data folder while photos are added to it.

    A row is written before its photo. So every photo in the folder has a row, whenever the run is killed; a row whose
    photo is missing is dropped by the next run.
    """

    def __init__(self, out: Path, progress: ProgressReporter) -> None:
        """Read the table and check the photos that it names. Those that are not whole are removed with their rows.

        Raises:
            DataError: the table is damaged.
            TrainingError: it cannot be written.
        """
        self._path = out / TABLE
        self._out = out
        rows = {row.url: row for row in read_fetched(out)}
        self.rows: dict[str, FetchedPhoto] = {}
        for row in progress(rows.values(), len(rows), "checking photos", "photo") if rows else ():
            if is_whole(out / row.path, row):
                self.rows[row.url] = row
            else:
                (out / row.path).unlink(missing_ok=True)
        write_file(self._path, _lines([COLUMNS, *(row.cells() for row in self.rows.values())]))

    def add(self, row: FetchedPhoto, data: bytes) -> None:
        """Write a row and its photo.

        Raises:
            TrainingError: a file cannot be written.
        """
        try:
            with self._path.open("ab") as table:
                table.write(_lines([row.cells()]))
        except OSError as exc:
            raise TrainingError(f"{self._path} cannot be written: {exc}") from exc
        write_file(self._out / row.path, data)
        self.rows[row.url] = row


def write_failures(out: Path, failed: Iterable[FailedPhoto]) -> None:
    """Write the table of failures; only its header if there are none."""
    write_file(out / FAILURES, _lines([FAILURE_COLUMNS, *(row.cells() for row in failed)]))


def is_whole(path: Path, row: FetchedPhoto) -> bool:
    """Whether the photo of a row is there with the row's length and checksum."""
    try:
        if path.stat().st_size != row.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == row.sha256
    except OSError:
        return False


@contextmanager
def only_run(out: Path) -> Iterator[None]:
    """Hold the data folder's lock, and remove what a run that was killed has left half-written.

    Raises:
        DataError: another run fills the folder now.
    """
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    with (out / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise DataError(f"another scripts/fetch fills {out} now") from exc
        for entry in os.scandir(out / FOLDER):
            if entry.name.startswith(".") and entry.name.endswith(".partial"):
                Path(entry.path).unlink(missing_ok=True)
        yield


def _lines(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
