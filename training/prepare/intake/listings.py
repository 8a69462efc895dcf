"""Layout 1: tables of listings, and their photos in `photos/` or next to the tables."""

import os
from collections.abc import Iterator
from pathlib import Path

from training.pipeline.progress import ProgressReporter
from training.prepare.intake.fetched import TABLE, read_fetched
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.photo_files import PHOTO_ENDINGS, ending, files_in, is_text
from training.prepare.intake.rows import read_tables
from training.prepare.intake.source.find import open_tables, table_files
from training.prepare.intake.tables import Intake

PHOTOS = "photos"


def found(data: Path) -> bool:
    """Whether `data` has this layout: a table lies at its root. Then it is never a folder of photos."""
    return bool(table_files(data))


def input_files(data: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files that this layout reads, with their paths relative to `data`, in no particular order."""
    tables = set(table_files(data))
    if (data / TABLE).is_file():
        yield from ((TABLE, entry) for entry in files_in((data / TABLE).parent) if entry.name == Path(TABLE).name)
    for folder in (PHOTOS, ""):
        if (data / folder).is_dir():
            for entry in files_in(data / folder):
                if ending(entry.name) in PHOTO_ENDINGS or (not folder and entry.name in tables):
                    yield f"{folder}/{entry.name}".lstrip("/"), entry


def read(data: Path, intake: Intake, progress: ProgressReporter, reading: Reading) -> None:
    """Read the tables and the list of photo files into `intake`; every row is kept or rejected with a reason.

    Raises:
        DataError: no table can be used, a table lacks a required column, or it cannot be read.
    """
    opened = open_tables(data, reading)
    _list_photos(data, intake, progress)
    for photo in read_fetched(data):
        intake.add_fetched(photo.url, photo.path)
    read_tables(opened, intake, progress, reading)


def _list_photos(data: Path, intake: Intake, progress: ProgressReporter) -> None:
    for path, entry in progress(input_files(data), None, "photo files", "file"):
        if ending(entry.name) not in PHOTO_ENDINGS:
            continue
        next_to_tables = "/" not in path
        rank = PHOTO_ENDINGS.index(ending(entry.name)) + len(PHOTO_ENDINGS) * next_to_tables
        # A file name that is not valid text cannot match an id, so no row can refer to the file.
        intake.add_photo_file(path if is_text(path) else ascii(path), rank)
