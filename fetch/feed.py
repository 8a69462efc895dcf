"""The tables of a feed: which photos they name by URL, and their copy in the data folder."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from training.errors import DataError
from training.pipeline.files import write_file
from training.prepare.intake.fetched import TABLE
from training.prepare.intake.fields.names import key_of, names_photos, scorer
from training.prepare.intake.fields.photos import references
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.fields.words import counted
from training.prepare.intake.photo_files import PHOTO_ENDINGS, ending
from training.prepare.intake.source.csv_table import CsvTable
from training.prepare.intake.source.find import TABLE_ENDINGS, TEXT_ENDINGS
from training.prepare.intake.source.record import Table
from training.prepare.intake.source.xml_feed import XmlFeed

ENDINGS = (*TABLE_ENDINGS, *TEXT_ENDINGS)
log = logging.getLogger(__name__)
_AS_IT_IS = Reading()
_START = re.compile(r"(?:https?:)?//", re.IGNORECASE)


def tables_of(feed: Path) -> list[Path]:
    """The tables of a feed: the file itself, or those at the root of a folder.

    Raises:
        DataError: there is none.
    """
    if feed.is_file():
        return [feed]
    if not feed.is_dir():
        raise DataError(f"{feed} is neither a file nor a folder")
    found = sorted(path for path in feed.iterdir() if _is_table(path))
    if not found:
        raise DataError(f"{feed} holds no table; a table ends with {', '.join(ENDINGS)}")
    return found


def copy_tables(feed: Path, out: Path) -> None:
    """Copy the tables of a feed into a data folder, unchanged, and make the folder if it does not exist.

    A copy from an earlier run is replaced.

    Raises:
        DataError: there is no table; or the data folder holds another one, with which `prepare` would read both; or it
            is a folder of photos, which a table would turn into something else.
        TrainingError: a file cannot be written.
    """
    tables = {path.name: path for path in tables_of(feed)}
    out.mkdir(parents=True, exist_ok=True)
    others = sorted(path.name for path in out.iterdir() if _is_table(path) and path.name not in tables)
    if others:
        raise DataError(f"{out} already holds the table {others[0]}; choose another folder, or remove that file")
    if not (out / TABLE).exists() and not any((out / name).exists() for name in tables):
        _check_no_photos(out)
    for name, source in tables.items():
        copy, content = out / name, source.read_bytes()
        if copy.exists() and copy.read_bytes() != content and not (out / TABLE).exists():
            raise DataError(f"{copy} is another table than {source}; choose another folder, or remove that file")
        if not copy.exists() or copy.read_bytes() != content:
            write_file(copy, content)


def _check_no_photos(out: Path) -> None:
    """Raise: the data folder holds photos or folders. With a table beside them, training would no longer read them."""
    found = sorted(path for path in out.iterdir() if not path.name.startswith("."))
    folders = [path.name for path in found if path.is_dir() and any(path.iterdir())]
    photos = [path.name for path in found if path.is_file() and ending(path.name) in PHOTO_ENDINGS]
    counts = [counted(len(names), unit) for names, unit in ((folders, "folder"), (photos, "photo")) if names]
    if folders or photos:
        raise DataError(
            f"{out} holds {' and '.join(counts)} that scripts/fetch did not make, such as "
            f"{(folders + photos)[0]!r}. With a table of a feed beside them, training would read only what the table "
            "names. Give a new folder as --out"
        )


def image_urls(feed: Path, reading: Reading = _AS_IT_IS) -> Iterator[str]:
    """The URLs in the image columns of a feed's tables, in the order of the rows; some may come twice.

    Args:
        reading: how to read the tables. Of its columns only those of `image` count here.

    Raises:
        DataError: a table cannot be read, or none has an image column.
    """
    tables = [(path.name, _open(path, reading)) for path in tables_of(feed)]
    places = [_image_places(table, reading) for _, table in tables]
    if not any(places):
        held = "; ".join(f"{name} has {', '.join(map(repr, table.columns))}" for name, table in tables)
        raise DataError(f"no column holds photos: {held[:600]}. Name it, for example --columns image=Foto")
    for (name, table), found in zip(tables, places, strict=True):
        if found:
            log.info("%s: photos are named in %s", name, ", ".join(repr(table.columns[place]) for place in found))
            for record in table.records():
                for place in found:
                    yield from urls_in(record.values[place])


def urls_in(cell: str) -> list[str]:
    """The URLs of a cell, which may hold several; none if it holds something else, such as a file name."""
    return [reference for reference in references(cell) if _START.match(reference)]


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _open(path: Path, reading: Reading) -> Table:
    """A table, as preparing reads it."""
    if path.suffix.lower() == ".xml":
        return XmlFeed(path, reading.encoding)
    return CsvTable(path, scorer(reading.columns), reading.encoding)


def _image_places(table: Table, reading: Reading) -> list[int]:
    """The places of the image columns: those that the user names, else those with a known header."""
    asked = {key_of(name) for name in reading.columns.get("image", ())}
    return [
        place for place, name in enumerate(table.columns) if (key_of(name) in asked if asked else names_photos(name))
    ]
