"""A table with new titles, categories, prices, locations or descriptions becomes updates."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from lambda_app.catalogue.changes import NewValues, Update, in_words
from lambda_app.release.manifest import Manifest
from operate.catalogue.listings import check_currency, expecting, said_of_cuts, unknown_categories
from training.errors import DataError
from training.prepare.intake.fields.categories import CategoryColumn
from training.prepare.intake.fields.currencies import code_in_brackets
from training.prepare.intake.fields.descriptions import description_or_none
from training.prepare.intake.fields.names import Columns, columns_of, scorer
from training.prepare.intake.fields.other_currency import OTHER_CURRENCY, other_currency
from training.prepare.intake.fields.prices import PriceColumn
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.fields.text import id_or_none, is_scientific, text_or_none
from training.prepare.intake.source.csv_table import CsvTable
from training.prepare.intake.source.record import Record

FIELDS = ("title", "category", "price", "location", "description")


@dataclass(frozen=True)
class Updates:
    """The updates of a table, the rows that cannot be used (as in `rejected.csv`), and what was understood."""

    changes: tuple[Update, ...]
    rejected: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]


def read_updates(path: Path, base: Manifest, reading: Reading, currency: str | None = None) -> Updates:
    """Read a CSV file with `image_id` or `product_id` and the columns to change.

    An empty cell changes nothing. A cell such as `null` or `N/A` clears the field. Prices, delimiters and encodings are
    read as in `training.prepare`; a price that it would not read is rejected instead of cleared.

    Args:
        base: the live release.

    Raises:
        DataError: the table lacks the columns, cannot be read, has unknown categories or another currency.
    """
    try:
        table = CsvTable(path, scorer(reading.columns), reading.encoding)
    except OSError as exc:
        raise DataError(f"{path}: {exc.strerror or exc}") from exc
    sample = (record.values for record in table.records() if record.problem is None)
    columns = columns_of("listings", table.columns, sample, reading.columns)
    key = "image_id" if "image_id" in columns else "product_id"
    id_place = columns.place("image_id" if key == "image_id" else "id")
    fields = [name for name in FIELDS if name in columns]
    if id_place is None or not fields:
        wanted = f"a column for {' or '.join(FIELDS)}" if id_place is not None else "a column image_id or product_id"
        raise DataError(f"{path.name} lacks {wanted}; its columns are {', '.join(map(repr, table.columns))}")
    records = list(table.records([id_place], id_place))
    reading = expecting(reading, base, currency)
    reader = _Reader(columns, fields, records, reading)
    check_currency(currency or reader.prices.currency, base)
    told = unknown_categories(list(reader.category_counts().items()), base)
    if told:
        raise DataError(f"{told}; nothing was written")
    changes, rejected = [], []
    for record in records:
        found = reader.update(record, key, id_place)
        if isinstance(found, Update):
            changes.append(found)
        else:
            own = record.values[id_place] if record.problem is None else ""
            rejected.append((path.name, str(record.number), str(record.line or ""), own, *found))
    lines = [f"table      {path.name}: {table.form}, encoding {table.encoding}", *map(str, columns.lines())]
    lines += said_of_cuts(reader.cut)
    return Updates(tuple(changes), tuple(rejected), tuple(lines))


class _Reader:
    """Reads rows after it has looked at the columns of prices and categories as a whole."""

    def __init__(self, columns: Columns, fields: list[str], records: list[Record], reading: Reading) -> None:
        self.prices = PriceColumn()
        self.cut = 0  # descriptions
        self._categories = CategoryColumn(separator=reading.category_separator, lists=columns.category_lists)
        self._columns, self._fields, self._records = columns, fields, records
        self._expected_currency = reading.expected_currency
        price, currency = columns.place("price"), columns.place("currency")
        self._price_header = "" if price is None else columns.headers[price]
        self.prices.observe_currency(code_in_brackets(self._price_header) or "")
        for record in records:
            if record.problem is None:
                if cell := self._cell(record, "price"):
                    self.prices.observe(cell)
                if cell := self._cell(record, "category"):
                    self._categories.observe(cell)
                if currency is not None:
                    self.prices.observe_currency(record.values[currency])
        self.prices.decide()
        self._categories.decide()

    def category_counts(self) -> Counter[str]:
        """How many rows set each category."""
        cells = (self._cell(record, "category") for record in self._records if record.problem is None)
        return Counter(name for cell in cells if cell and (name := self._categories.root(cell)))

    def update(self, record: Record, key: str, id_place: int) -> Update | tuple[str, str]:
        """The update of a row, or the reason and the detail why there is none."""
        if record.problem is not None:
            return record.problem, record.detail
        own = id_or_none(record.values[id_place])
        if own is None:
            return "missing_id", "the id is missing"
        if is_scientific(own):
            return "damaged_id", f"a spreadsheet has shortened the id to {own!r}"
        new: dict[str, str | float | None] = {}
        for name in self._fields:
            place = self._columns.place(name)
            if place is None or not record.values[place].strip():
                continue
            cell = self._cell(record, name)
            value = self._value(name, cell)
            if value is None and (cell is not None or name == "category"):
                reason = "unreadable_price" if name == "price" else "missing_category"
                return reason, f"the {name} is {record.values[place][:60]!r}"
            if name == "price" and cell is not None and (told := self._other_currency(cell, record)) is not None:
                return OTHER_CURRENCY, told
            new[name] = value
        if not new:
            return "nothing_to_change", "all cells beside the id are empty"
        try:
            return Update(**{key: own}, set=NewValues(**new))  # type: ignore[arg-type]
        except ValidationError as exc:
            return "unusable_value", in_words(exc)

    def _other_currency(self, cell: str, record: Record) -> str | None:
        if self._expected_currency is None:
            return None
        place = self._columns.place("currency")
        beside = "" if place is None else record.values[place]
        return other_currency(cell, self._expected_currency, beside, self._price_header)

    def _value(self, name: str, cell: str | None) -> str | float | None:
        if cell is None:
            return None
        if name == "price":
            return self.prices.price(cell)
        return self._categories.root(cell) if name == "category" else cell

    def _cell(self, record: Record, name: str) -> str | None:
        place = self._columns.place(name)
        if place is None:
            return None
        cell = record.values[place]
        if name != "description":
            return text_or_none(cell)
        text, cut = description_or_none(cell)
        self.cut += cut
        return text
