"""Which files of a data folder are tables of listings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from training.errors import DataError
from training.prepare.intake.fields.names import Columns, Role, columns_of, key_of, scorer
from training.prepare.intake.fields.reading import OPTIONAL, Reading
from training.prepare.intake.source.csv_table import CsvTable
from training.prepare.intake.source.record import Table
from training.prepare.intake.source.xml_feed import XmlFeed

TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".xml")
# These are tables only if their text is one.
TEXT_ENDINGS = (".txt",)
# Tables in a form that is not read. They are named in the error.
OTHER_ENDINGS = (".xlsx", ".xls", ".ods", ".csv.gz", ".tsv.gz", ".xml.gz", ".csv.zip")
PRODUCTS, IMAGES = "Products", "Images"
# A row of a text file that names this many fields is the header of a table.
_SURE = 3
_SHOWN = 5


@dataclass(frozen=True)
class Opened:
    """A table file and what its columns hold."""

    table: Table
    columns: Columns
    role: Role

    @cached_property
    def name(self) -> str:
        return self.table.path.name


def table_files(data: Path) -> list[str]:
    """The names of the files at the root of `data` that are or may be tables, readable or not, in order."""
    names = sorted(entry.name for entry in data.iterdir() if entry.name[0] not in ".~" and entry.is_file())
    return [
        name for name in names if name.lower().endswith((*TABLE_ENDINGS, *OTHER_ENDINGS)) or _is_text_table(data, name)
    ]


def open_tables(data: Path, reading: Reading) -> list[Opened]:
    """The tables of the listings in `data`: one of products and photos, or one of products and one of photos.

    `Products` and `Images` are names of tables, in any case and with any ending of a table. A table of other name is
    read if it is the only one that has all columns. Other tables are left alone. If `data` is a file, it is the only
    table, whatever its name.

    Raises:
        DataError: no table or no two tables will do. The message names the files.
    """
    files = [data.name] if data.is_file() else table_files(data)
    names = [name for name in files if not name.lower().endswith(OTHER_ENDINGS)]
    if not names:
        raise DataError(f"{_holds(data, files)}, which cannot be read; save it as CSV (UTF-8)")
    products, images = (None if data.is_file() else _named(data, names, stem) for stem in (PRODUCTS, IMAGES))
    if data.is_file():
        opened = [_open(data, "listings", reading)]
    elif products and images:
        opened = [_open(data / products, "products", reading), _open(data / images, "images", reading)]
    elif products or images or len(names) == 1:
        opened = [_open(data / (products or images or names[0]), "listings", reading)]
    else:
        opened = [_only_one(data, names, reading)]
    _check_headers(opened, reading)
    for one in opened:
        if _lacks(one):
            alone = len(opened) == 1 and (products or images)
            other = f"{data} has no {IMAGES if products else PRODUCTS}.csv, and " if alone else ""
            raise DataError(
                f"{other}{one.name} lacks {' and '.join(_lacks(one))}; its columns are {_shown(one.table.columns)}. "
                "If one of them has it, name it with --columns"
            )
    return opened


def _only_one(data: Path, names: list[str], reading: Reading) -> Opened:
    """The only table of several that has all columns."""
    found, why = [], []
    for name in names:
        try:
            one = _open(data / name, "listings", reading)
        except DataError as exc:
            why.append(str(exc))
            continue
        lacks = _lacks(one)
        found += [] if lacks else [one]
        why += [f"{name} lacks {' and '.join(lacks)}"] if lacks else []
    if len(found) == 1:
        return found[0]
    reason = f"{len(found)} of them have all columns; keep one" if found else "; ".join(why[:_SHOWN])
    raise DataError(
        f"{_holds(data, names)} but no Products.csv. Name the table of the products Products.csv and that of the "
        f"photos Images.csv, or keep one table with columns for id, category and photos ({reason})"
    )


def _open(path: Path, role: Role, reading: Reading) -> Opened:
    xml = path.suffix.lower() == ".xml"
    encoding = reading.encoding
    table: Table = XmlFeed(path, encoding) if xml else CsvTable(path, scorer(reading.columns), encoding)
    sample = (record.values for record in table.records() if record.problem is None)
    return Opened(table, columns_of(role, table.columns, sample, reading.columns), role)


def _lacks(opened: Opened) -> list[str]:
    """The columns without which a table cannot be read, in words."""
    columns, found = opened.columns, []
    if opened.role == "images":
        if "image_id" not in columns and "image" not in columns:
            found.append("a column for id")
        return found + ([] if "product_id" in columns else ["a column for product_id"])
    photos = opened.role == "products" or "image" in columns or "image_id" in columns
    if "id" not in columns and not (opened.role == "listings" and "image" in columns):
        found.append("a column for id")
    return (
        found
        + ([] if "category" in columns else ["a column for category"])
        + ([] if photos else ["a column for photos"])
    )


def _check_headers(opened: list[Opened], reading: Reading) -> None:
    """Raise: a header that the user names for a field that every listing needs is in no table."""
    if told := _absent(opened, reading, optional=False):
        raise DataError(told[0])


def absent_columns(opened: list[Opened], reading: Reading) -> list[str]:
    """What to tell of the headers that the user names and no table has; they are of fields that may be missing."""
    return [f"{told}; it is read without it" for told in _absent(opened, reading, optional=True)]


def _absent(opened: list[Opened], reading: Reading, *, optional: bool) -> list[str]:
    keys = {key_of(name) for one in opened for name in one.table.columns}
    names = "; ".join(f"{one.name} has {_shown(one.table.columns)}" for one in opened)
    return [
        f"--columns: no table has the column {header!r}; {names}"
        for field, headers in reading.columns.items()
        if (field in OPTIONAL) is optional
        for header in headers
        if key_of(header) not in keys
    ]


def _named(data: Path, names: list[str], stem: str) -> str | None:
    found = [name for name in names if PurePath(name).stem.lower() == stem.lower()]
    if len(found) > 1:
        raise DataError(f"{data} has {' and '.join(found)}; keep one of them")
    return found[0] if found else None


def _is_text_table(data: Path, name: str) -> bool:
    """Whether a text file is a table: by its name, or because it begins with a header."""
    if not name.lower().endswith(TEXT_ENDINGS):
        return False
    if PurePath(name).stem.capitalize() in (PRODUCTS, IMAGES):
        return True
    try:
        table = CsvTable(data / name, scorer({}))
    except (DataError, OSError):
        return False
    return scorer({})(table.columns) >= _SURE


def _holds(data: Path, names: list[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return f"{data} holds table files ({', '.join(names[:_SHOWN])}{more})"


def _shown(names: list[str]) -> str:
    shown = ", ".join(map(repr, filter(None, names)))
    return f"{shown[:300]}..." if len(shown) > 300 else shown


def lines_about(opened: Sequence[Opened]) -> Iterator[str]:
    """What was understood of the tables, for people: form, encoding, column by column."""
    yield f"layout     listings, {'one table' if len(opened) == 1 else 'two tables'}"
    for one in opened:
        yield f"table      {one.name}: {one.table.form}, encoding {one.table.encoding}"
        yield from (f"  {line}" for line in one.columns.lines())
