"""Layout 1: tables of listings at the root of a folder, and their photos in any folder under it."""

import os
from collections.abc import Iterator
from pathlib import Path

from training.pipeline.progress import ProgressReporter
from training.prepare.intake.fetched import FAILURES, TABLE, read_fetched
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.photo_files import OTHER_ENDINGS, ending, files_under, is_photo, is_text
from training.prepare.intake.rows import read_tables
from training.prepare.intake.source.find import absent_columns, open_tables, table_files
from training.prepare.intake.tables import Intake


def found(data: Path) -> bool:
    """Whether `data` has this layout: a table lies at its root. Then it is never a folder of photos."""
    return bool(table_files(data))


def input_files(data: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files that this layout reads, with their paths relative to `data`, in no particular order."""
    tables = {*table_files(data), TABLE}
    for path, entry in files_under(data):
        if ending(entry.name) not in OTHER_ENDINGS or path in tables:
            yield path, entry


def read(data: Path, intake: Intake, progress: ProgressReporter, reading: Reading, photos: Path | None = None) -> None:
    """Read the tables and the list of photo files into `intake`; every row is kept or rejected with a reason.

    Args:
        data: folder with the tables at its root, or the only table.
        photos: folder under which the photos are; None: `data`.

    Raises:
        DataError: no table can be used, a table lacks a required column, or it cannot be read.
    """
    opened = open_tables(data, reading)
    intake.warnings += absent_columns(opened, reading)
    _list_photos(photos or data, intake, progress)
    for photo in read_fetched(photos or data):
        intake.add_fetched(photo.url, photo.path)
    read_tables(opened, intake, progress, reading)
    intake.settle_photos()


def _list_photos(data: Path, intake: Intake, progress: ProgressReporter) -> None:
    tables = {*table_files(data), TABLE, FAILURES}
    for name, entry in progress(files_under(data), None, "looking for photos", "file"):
        if name in tables:
            continue
        # A file name that is not valid text cannot match an id, so no row can refer to the file.
        shown = name if is_text(name) else ascii(name)
        if is_photo(entry.path):
            intake.photos.add(shown)
        else:
            intake.add_other_file(shown)
