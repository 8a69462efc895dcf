"""The tables of a feed: which photos they name by URL, and their copy in the data folder."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from training.errors import DataError
from training.pipeline.files import write_file
from training.prepare.intake.fetched import TABLE
from training.prepare.intake.text_lines import TextLines

ENDINGS = (".csv", ".tsv", ".txt", ".xml")
# Header names without blanks, hyphens and underscores, as exports write them.
_IMAGE_COLUMN = re.compile(r"(?:additional|variant)?(?:image|photo|picture|pic)s?(?:link|url|src|source)?s?")
MOST_CHARACTERS = 16 * 2**20
_START = re.compile(r"(?:https?:)?//", re.IGNORECASE)
# Between two URLs of a cell. A comma within a URL is part of it.
_BETWEEN = re.compile(r"[\s,;|]+(?=(?:https?:)?//)", re.IGNORECASE)


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
        for cell in _xml_cells(path) if path.suffix.lower() == ".xml" else _csv_cells(path):
            yield from urls_in(cell)


def urls_in(cell: str) -> list[str]:
    """The URLs of a cell, which may hold several; none if it holds something else, such as a file name."""
    return [part.strip() for part in _BETWEEN.split(cell.strip()) if _START.match(part.strip())]


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _names_images(column: str) -> bool:
    name = column.rpartition(":")[2].rpartition("}")[2].lower()  # without the namespace of XML
    return _IMAGE_COLUMN.fullmatch(re.sub(r"[\s_-]", "", name)) is not None


def _csv_cells(path: Path) -> Iterator[str]:
    """The cells of the image columns. The delimiter is the one that the header has most."""
    lines = (f"{line}\n" for line in TextLines(path, MOST_CHARACTERS))
    header = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t|", key=header.count)
    try:
        (names,) = csv.reader([header], delimiter=delimiter)
        places = [place for place, name in enumerate(names) if _names_images(name)]
        for row in csv.reader(lines, delimiter=delimiter):
            yield from (row[place] for place in places if place < len(row))
    except csv.Error as exc:
        raise DataError(f"{path.name} cannot be read as CSV: {exc}") from exc


def _xml_cells(path: Path) -> Iterator[str]:
    """The texts of the elements that name images."""
    try:
        for _, element in iterparse(path):
            if _names_images(element.tag) and element.text:
                yield element.text
            if element.tag.rpartition("}")[2] in ("item", "entry"):
                element.clear()
    except (ParseError, DefusedXmlException) as exc:
        raise DataError(f"{path.name} cannot be read as XML: {exc}") from exc
