"""The rows of Products.csv, Images.csv and the ground truth."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from sample.listings import listing
from sample.mess import misfits
from sample.picture.identity import identity
from sample.plan import Plan

PRODUCT_COLUMNS = ("", "id", "product_name", "category", "product_description", "price", "location")
IMAGE_COLUMNS = ("", "id", "product_id")
TRUTH_COLUMNS = ("image_id", "product_id", "category", "kind", "palette", "pattern", "decal")
REPEATED = 3  # the row that occurs twice in each file

Row = tuple[str, ...]


def write_table(path: Path, columns: Row, rows: Iterable[Row], encoding: str) -> int:
    """Write a CSV file with LF after each record; the number of rows after the header.

    Only fields with a comma, a quote or a newline are quoted. A bare CR stays unquoted, as in the imitated exports.
    """
    count = 0
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(_record(columns))
        for row in rows:
            file.write(_record(row))
            count += 1
    return count


def numbered(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with their numbers in front; one row is repeated at the end, with its number."""
    again: Row = ()
    for number, row in enumerate(rows):
        if number == REPEATED:
            again = (str(number), *row)
        yield (str(number), *row)
    yield again


def product_rows(plan: Plan, planted: Counter[str]) -> Iterator[Row]:
    """The rows of Products.csv without their numbers. Errors in their text are counted in `planted`."""
    for number in range(plan.products):
        yield _product(plan, number, planted)
    for number, misfit in misfits(plan):
        if misfit.product is not None:
            own_id, title, category, *rest = _product(plan, number, planted)
            yield (
                own_id if misfit.product else "",
                title,
                category if misfit.category is None else misfit.category,
                *rest,
            )


def image_rows(plan: Plan) -> Iterator[Row]:
    """The rows of Images.csv without their numbers."""
    for number in range(plan.products):
        yield from ((image_id, plan.product_id(number)) for image_id in plan.image_ids(number))
    for number, misfit in misfits(plan):
        if misfit.image is not None:
            yield (plan.image_id(number, 0), plan.product_id(number)) if misfit.image else ("", plan.product_id(0))


def truth_rows(plan: Plan) -> Iterator[Row]:
    """The content of each intact photo, for measurements; it is not part of the listings."""
    for number in range(plan.products):
        it = identity(number, plan.seed)
        shown = (it.category.name, it.kind, it.palette.name, it.pattern, it.decal)
        yield from ((image_id, plan.product_id(number), *shown) for image_id in plan.image_ids(number))


def _product(plan: Plan, number: int, planted: Counter[str]) -> Row:
    text = listing(number, identity(number, plan.seed), plan.seed, planted)
    return plan.product_id(number), text.title, text.category, text.description, text.price, text.location


def _record(row: Row) -> str:
    return ",".join(map(_field, row)) + "\n"


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n') else text
