"""Tables of listings become products and images."""

import logging
from collections.abc import Iterator, Sequence

from training.pipeline.progress import ProgressReporter
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.image_rows import ImageRows
from training.prepare.intake.product_rows import ProductRows
from training.prepare.intake.source.find import Opened, lines_about
from training.prepare.intake.source.record import Record
from training.prepare.intake.tables import Intake

log = logging.getLogger(__name__)


def read_tables(opened: Sequence[Opened], intake: Intake, progress: ProgressReporter, reading: Reading) -> None:
    """Read the tables into `intake`: one of products and photos, or one of products and then one of photos.

    What was understood of them is logged before the first photo is decoded, so that it is there if none can be used.

    Raises:
        DataError: a table cannot be read.
        RuntimeError: a record is neither a row nor skipped: a bug in this program.
    """
    products, *others = opened
    rows = ProductRows(products, intake, reading)
    for record in progress(_records(products), None, products.name, "row"):
        rows.write_down(record)
    _finish(products, intake)
    _say([*lines_about(opened), *rows.lines()], intake)
    images = ImageRows(intake, products.name)
    rows.take(images)
    for one in others:
        for record in progress(_records(one), None, one.name, "row"):
            images.take_record(record, one)
        _finish(one, intake)


def _records(opened: Opened) -> Iterator[Record]:
    """The records of a table. One that ends before its ids and its category is torn."""
    columns = opened.columns
    if opened.role == "images":
        key = columns.place("product_id")
        needed = [key, columns.place("image_id") if "image" not in columns else None]
    else:
        key, category = columns.place("id"), columns.place("category")
        # Rows with further photos of a product may end behind the photo.
        last_photo = max(columns.places.get("image", (-1,)))
        needed = [key, None if opened.role == "listings" and last_photo < (category or 0) else category]
    return opened.table.records([place for place in needed if place is not None], key or 0)


def _finish(opened: Opened, intake: Intake) -> None:
    """Note what a table says only after its last record."""
    table = opened.table
    intake.encoding[opened.name] = table.encoding
    intake.warnings += table.warnings
    for what, count in (("equal to the header", table.skipped.headers), ("blank", table.skipped.blank)):
        if count:
            intake.note_skipped(opened.name, what, count)


def _say(lines: list[str], intake: Intake) -> None:
    intake.understood += lines
    for line in lines:
        log.info("%s", line)
