"""The table `photos/photos.csv` that `scripts/fetch` writes: which file holds the photo of which URL."""

import csv
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from training.errors import DataError

FOLDER = "photos"
TABLE = f"{FOLDER}/photos.csv"
FAILURES = f"{FOLDER}/failures.csv"


@dataclass(frozen=True)
class FetchedPhoto:
    """A row: a photo that was downloaded. The fields are the columns.

    Attributes:
        url: as the feed has it, without blanks around it.
        file: name of the photo in `FOLDER`.
        bytes: length of the file.
        sha256: of its bytes, in hex.
        content_type: media type by its first bytes, such as "image/jpeg".
    """

    url: str
    file: str
    bytes: int
    sha256: str
    content_type: str

    @property
    def path(self) -> str:
        """Path of the photo relative to the data folder."""
        return f"{FOLDER}/{self.file}"

    def cells(self) -> list[str]:
        """The row as it stands in the table."""
        return [str(value) for value in astuple(self)]


COLUMNS = [field.name for field in fields(FetchedPhoto)]


def read_fetched(data: Path) -> Iterator[FetchedPhoto]:
    """The rows of a data folder's table, in no particular order; none if it has no table.

    If a URL has several rows, the last one counts. A run that was killed leaves rows whose file is missing, and perhaps
    half a row at the end, which is skipped.

    Raises:
        DataError: another row is damaged, or its file name is not that of a file in `FOLDER`.
    """
    path = data / TABLE
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith("\n"):
                return
            (cells,) = csv.reader([line]) if line.strip() else ([],)
            if number > 1:
                yield _row(cells, path, number)


def _row(cells: list[str], path: Path, number: int) -> FetchedPhoto:
    try:
        url, file, size, sha256, content_type = cells
        photo = FetchedPhoto(url, file, int(size), sha256, content_type)
    except ValueError as exc:
        raise DataError(f"{path} line {number} is damaged; it must hold {', '.join(COLUMNS)}") from exc
    if not file or "/" in file or "\\" in file or file.startswith("."):
        raise DataError(f"{path} line {number} names the file {file!r}; it must be a name within {FOLDER}/")
    return photo
