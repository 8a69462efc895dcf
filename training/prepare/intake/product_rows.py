"""Records of the table of products become products, and images if the table has photos.

The records are first written down as they are, while the columns of prices and categories look at every cell. Only then
it is known what a comma in a price means, and what separates a category path.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from training.prepare.intake.fields.categories import CategoryColumn
from training.prepare.intake.fields.currencies import code_in_brackets
from training.prepare.intake.fields.descriptions import description_or_none
from training.prepare.intake.fields.other_currency import OTHER_CURRENCY, other_currency
from training.prepare.intake.fields.photos import references, stem_of
from training.prepare.intake.fields.prices import PriceColumn
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.fields.text import id_or_none, is_scientific, text_or_none
from training.prepare.intake.fields.words import quoted
from training.prepare.intake.image_rows import ImageRows, Place
from training.prepare.intake.source.find import Opened
from training.prepare.intake.source.record import Record
from training.prepare.intake.tables import Intake, ProductRow

_COLUMNS = ("id", "category", "title", "price", "location", "image_id")
_INSERT = "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT = (
    "SELECT number, line, digest, id, category, title, price, location, image_id, description, cut, photos, "
    "other_currency FROM listed ORDER BY number"
)
_BATCH = 500
_NOTHING_OF_ITS_OWN = "further rows of a product, without a photo"


class _Row(NamedTuple):
    """A record with clean cells; None for missing ones.

    Attributes:
        cut: whether the description is longer in its cell.
        photos: the cells of all photo columns, with newlines.
        other_currency: why the price is in another currency than the expected one; None if it is not.
    """

    number: int
    line: int | None
    digest: bytes
    id: str | None
    category: str | None
    title: str | None
    price: str | None
    location: str | None
    image_id: str | None
    description: str | None
    cut: bool
    photos: str | None
    other_currency: str | None

    @property
    def is_bare(self) -> bool:
        """Whether it says nothing of a product, as the rows with which Shopify adds photos to the product before."""
        return self.title is None and self.category is None


class ProductRows:
    """The table of products: write down every record, then take them."""

    def __init__(self, opened: Opened, intake: Intake, reading: Reading) -> None:
        self._name = opened.name
        self._columns = columns = opened.columns
        self._intake = intake
        self._with_photos = opened.role == "listings"
        self._places = [columns.place(name) for name in _COLUMNS]
        self._photo_places = columns.places.get("image", ()) if self._with_photos else ()
        self._currency_place = columns.place("currency")
        self._expected_currency = reading.expected_currency
        self._prices = PriceColumn()
        self._categories = CategoryColumn(separator=reading.category_separator, lists=columns.category_lists)
        self._waiting: list[tuple[object, ...]] = []
        self._records = self._further = 0
        # Rows with the id of an earlier row and another title: how many, and the first one.
        self._retitled = (0, "")
        price = columns.place("price")
        self._price_header = "" if price is None else columns.headers[price]
        self._prices.observe_currency(code_in_brackets(self._price_header) or "")

    def write_down(self, record: Record) -> None:
        """First pass: write a record down with clean cells, and let prices and categories look at theirs."""
        self._records += 1
        values = record.values
        product_id, category, title, price, location, image_id = [
            None if place is None else text_or_none(values[place]) for place in self._places
        ]
        product_id = product_id and id_or_none(product_id)
        if record.problem:
            self._intake.rows_in["products"] += 1
            self._reject(record, product_id, record.problem, record.detail)
            return
        if category is not None:
            self._categories.observe(category)
        if price is not None:
            self._prices.observe(price)
        if self._currency_place is not None:
            self._prices.observe_currency(values[self._currency_place])
        photos = "\n".join([values[place] for place in self._photo_places]) if self._photo_places else None
        place = self._columns.place("description")
        described = (None, False) if place is None else description_or_none(values[place])
        cells = (product_id, category, title, price, location, image_id, *described, photos)
        other = self._other_currency(price, values)
        self._waiting.append((record.number, record.line, record.digest, *cells, other))
        if len(self._waiting) >= _BATCH:
            self._write()

    def _other_currency(self, price: str | None, values: Sequence[str]) -> str | None:
        if price is None or self._expected_currency is None:
            return None
        beside = "" if self._currency_place is None else values[self._currency_place]
        return other_currency(price, self._expected_currency, beside, self._price_header)

    def _write(self) -> None:
        self._intake.db.executemany(_INSERT, self._waiting)
        self._waiting.clear()

    def lines(self) -> Iterator[str]:
        """What the columns of prices and categories say as a whole, for people. Ends the first pass."""
        self._write()
        self._prices.decide()
        self._categories.decide()
        self._intake.currency = self._prices.currency
        separator = self._categories.separator
        yield f"categories {'are names' if separator is None else f'are paths, separated by {quoted(separator)}'}"
        mark = {".": "point", ",": "comma"}.get(self._prices.decimal_mark, "not known")
        if "price" in self._columns:
            yield f"prices     decimal mark: {mark}; currency: {self._prices.currency or 'not known'}"

    def take(self, images: ImageRows) -> None:
        """Second pass: make products of the records, and images of their photos.

        Raises:
            RuntimeError: a record is neither a row nor skipped: a bug in this program.
        """
        intake, before = self._intake, None
        for values in intake.db.execute(_SELECT):
            row = _Row._make(values)
            named = self._named(row) if self._with_photos else ()
            before = product_id = self._product_id(row, named, before)
            self._take_product(row, product_id, bool(named))
            if not named:
                continue
            place = Place(self._name, row.number, row.line)
            own = row.image_id and id_or_none(row.image_id) if len(named) == 1 else None
            for reference in named:
                images.take(product_id, own, reference, place, None)
        if self._records != intake.rows_in["products"] + self._further:
            raise RuntimeError(
                f"{self._records} records, but {intake.rows_in['products']} rows, {self._further} further"
            )
        intake.db.execute("DELETE FROM listed")
        if self._expected_currency is None:  # else those rows are rejected
            intake.warnings += self._prices.warnings()
        intake.warnings += [*self._categories.warnings(), *self._warnings()]

    def _named(self, row: _Row) -> Sequence[str | None]:
        """The photos that a row names; None for one that is named after its id."""
        if self._photo_places:
            return references(row.photos or "")
        return [None] if row.image_id else []

    def _product_id(self, row: _Row, named: Sequence[str | None], before: str | None) -> str | None:
        """The id of a row's product: its own, else that of the row before if it only adds photos."""
        if row.id is not None or not named:
            return row.id
        if "id" not in self._columns:
            return id_or_none(stem_of(named[0] or ""))
        return before if row.is_bare else None

    def _take_product(self, row: _Row, product_id: str | None, has_photos: bool) -> None:
        """Take the product of a row, unless the row only has further photos of an earlier one."""
        intake = self._intake
        if product_id is not None and self._adds_to(row, product_id, has_photos):
            self._further += 1
            if row.description is not None and intake.describe_product(product_id, row.description):
                intake.cut_descriptions += row.cut
            if not has_photos:
                intake.note_skipped(self._name, _NOTHING_OF_ITS_OWN, 1)
            return
        intake.rows_in["products"] += 1
        if product_id is None:
            self._reject(row, None, "missing_id", "the id is missing")
            return
        if is_scientific(product_id):
            self._reject(row, product_id, "damaged_id", f"a spreadsheet has shortened the id to {quoted(product_id)}")
            return
        category = None if row.category is None else self._categories.root(row.category)
        if category is None:
            self._reject(row, product_id, "missing_category", f"the category is {quoted(row.category or '')}")
            return
        if row.other_currency is not None:
            self._reject(row, product_id, OTHER_CURRENCY, row.other_currency)
            return
        price = None if row.price is None else self._prices.price(row.price)
        texts = (row.title, price, row.location, row.digest, row.description)
        outcome = intake.add_product(ProductRow(product_id, category, *texts))
        if isinstance(outcome, str):
            self._reject(row, product_id, outcome, f"an earlier row has the id {quoted(product_id)}")
            return
        intake.cut_descriptions += row.cut
        if price is None and row.price is not None:
            intake.note_unread("price", row.price, self._name, row.line)

    def _adds_to(self, row: _Row, product_id: str, has_photos: bool) -> bool:
        """Whether a row belongs to a product of an earlier row: it has further photos, or says nothing of a product."""
        if not (has_photos or row.is_bare) or is_scientific(product_id):
            return False
        kept = self._intake.title_of_product(product_id)
        if kept is None:
            return row.is_bare and self._intake.rejection_of_product(product_id) is not None
        if row.title is not None and row.title != kept[0]:
            count, first = self._retitled
            self._retitled = (count + 1, first or f"{quoted(product_id)}, line {row.line}")
        return True

    def _warnings(self) -> Iterator[str]:
        count, first = self._retitled
        if count:
            yield (
                f"{self._name}: {count:,} rows have the id of an earlier row but another title (first: {first}); they "
                "were read as further photos of that product. Is the id column the right one? See --columns"
            )
        damaged = self._intake.count("rejected WHERE kind = 'products' AND reason = 'damaged_id'")
        if damaged:
            yield (
                f"{self._name}: {damaged:,} ids are in scientific notation: a spreadsheet has lost their last digits. "
                "Export the table again; a spreadsheet may open it only with the id column as text"
            )

    def _reject(self, row: "_Row | Record", product_id: str | None, reason: str, detail: str) -> None:
        self._intake.reject("products", self._name, row.number, product_id, reason, detail, row.line)
