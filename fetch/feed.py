"""The tables of a feed: which photos they name by URL, and their copy in the data folder."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.errors import DataError
from training.pipeline.files import write_file
from training.prepare.intake.fetched import TABLE
from training.prepare.intake.fields.names import score
from training.prepare.intake.fields.photos import references
from training.prepare.intake.source.csv_table import CsvTable
from training.prepare.intake.source.record import Table
from training.prepare.intake.source.xml_feed import XmlFeed

ENDINGS = (".csv", ".tsv", ".txt", ".xml")
# Header names without blanks, hyphens and underscores, as exports write them.
_IMAGE_COLUMN = re.compile(r"(?:additional|variant)?(?:image|photo|picture|pic)s?(?:link|url|src|source)?s?")
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
        DataError: there is no table, or the data folder holds another one, with which `prepare` would read both.
        TrainingError: a file cannot be written.
    """
    tables = {path.name: path for path in tables_of(feed)}
    out.mkdir(parents=True, exist_ok=True)
    others = sorted(path.name for path in out.iterdir() if _is_table(path) and path.name not in tables)
    if others:
        raise DataError(f"{out} already holds the table {others[0]}; choose another folder, or remove that file")
    for name, source in tables.items():
        copy, content = out / name, source.read_bytes()
        if copy.exists() and copy.read_bytes() != content and not (out / TABLE).exists():
            raise DataError(f"{copy} is another table than {source}; choose another folder, or remove that file")
        if not copy.exists() or copy.read_bytes() != content:
            write_file(copy, content)


def image_urls(feed: Path) -> Iterator[str]:
    """The URLs in the image columns of a feed's tables, in the order of the rows; some may come twice.

    Raises:
        DataError: a table cannot be read.
    """
    for path in tables_of(feed):
        for cell in _cells(path):
            yield from urls_in(cell)


def urls_in(cell: str) -> list[str]:
    """The URLs of a cell, which may hold several; none if it holds something else, such as a file name."""
    return [reference for reference in references(cell) if _START.match(reference)]


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _names_images(column: str) -> bool:
    name = column.rpartition(":")[2].rpartition("}")[2].lower()  # without the namespace of XML
    return _IMAGE_COLUMN.fullmatch(re.sub(r"[\s_-]", "", name)) is not None


def _cells(path: Path) -> Iterator[str]:
    """The cells of the image columns, as preparing reads them."""
    table: Table = XmlFeed(path) if path.suffix.lower() == ".xml" else CsvTable(path, _images_named)
    places = [place for place, name in enumerate(table.columns) if _names_images(name)]
    for record in table.records():
        yield from (record.values[place] for place in places)


def _images_named(cells: Sequence[str]) -> int:
    """How much a row is like a header with image columns."""
    return 100 * sum(map(_names_images, cells)) + score(cells)
