"""Layout 1: `Products.csv`, `Images.csv` and photos named by image id, in any folder."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from training.errors import DataError
from training.pipeline.progress import ProgressReporter
from training.prepare.intake.cells import parse_price, root_category, text_or_none
from training.prepare.intake.csv_records import CsvFile, Record
from training.prepare.intake.photo_files import OTHER_ENDINGS, ending, files_under, is_photo, is_text
from training.prepare.intake.tables import ImageRow, Intake, ProductRow

PRODUCTS = "Products.csv"
IMAGES = "Images.csv"
PRODUCT_COLUMNS = ("id", "product_name", "category", "price", "location")
IMAGE_COLUMNS = ("id", "product_id")


def found(data: Path) -> bool:
    """Whether `data` has this layout.

    Raises:
        DataError: only one of the two CSV files exists.
    """
    present = [name for name in (PRODUCTS, IMAGES) if (data / name).is_file()]
    if len(present) == 1:
        (absent,) = {PRODUCTS, IMAGES} - set(present)
        raise DataError(f"{data} has {present[0]} but no {absent}; listings need both")
    return len(present) == 2


def input_files(data: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files that this layout reads, with their paths relative to `data`, in no particular order."""
    for path, entry in files_under(data):
        if ending(entry.name) not in OTHER_ENDINGS or path in (PRODUCTS, IMAGES):
            yield path, entry


def read(data: Path, intake: Intake, progress: ProgressReporter) -> None:
    """Read both CSV files and the list of photo files into `intake`; every row is kept or rejected with a reason.

    An image row is rejected as `missing_product` if its product id is empty or unknown, or its product was rejected.

    Raises:
        DataError: a file lacks a required column, or cannot be read as CSV.
    """
    _list_photos(data, intake, progress)
    _read_rows(data / PRODUCTS, PRODUCT_COLUMNS, intake, progress, _take_product)
    _read_rows(data / IMAGES, IMAGE_COLUMNS, intake, progress, _take_image)
    intake.settle_photos()


def _list_photos(data: Path, intake: Intake, progress: ProgressReporter) -> None:
    for name, entry in progress(files_under(data), None, "photo files", "file"):
        if name in (PRODUCTS, IMAGES):
            continue
        # A file name that is not valid text cannot match an id, so no row can refer to the file.
        shown = name if is_text(name) else ascii(name)
        if is_photo(entry.path):
            intake.photos.add(shown)
        else:
            intake.add_other_file(shown)


def _read_rows(
    path: Path,
    columns: tuple[str, ...],
    intake: Intake,
    progress: ProgressReporter,
    take: Callable[[Record, Intake], None],
) -> None:
    file = CsvFile(path, columns)
    for record in progress(file, None, path.name, "row"):
        take(record, intake)
    intake.encoding[path.name] = file.encoding
    intake.warnings.extend(file.warnings)


def _take_product(record: Record, intake: Intake) -> None:
    intake.rows_in["products"] += 1
    values = record.values
    product_id = text_or_none(values["id"])

    def reject(reason: str, detail: str) -> None:
        intake.reject("products", PRODUCTS, record.number, product_id, reason, detail)

    if product_id is None:
        return reject("missing_id", f"the id is {values['id']!r}")
    category = root_category(values["category"])
    if category is None:
        return reject("missing_category", f"the category is {values['category']!r}")
    product = ProductRow(
        id=product_id,
        category=category,
        title=text_or_none(values["product_name"]),
        price=parse_price(values["price"]),
        location=text_or_none(values["location"]),
        digest=record.digest,
    )
    outcome = intake.add_product(product)
    if isinstance(outcome, str):
        reject(outcome, f"an earlier row has the id {product_id!r}")
    return None


def _take_image(record: Record, intake: Intake) -> None:
    intake.rows_in["images"] += 1
    image_id, product_id = text_or_none(record.values["id"]), text_or_none(record.values["product_id"])

    def reject(reason: str, detail: str) -> None:
        intake.reject("images", IMAGES, record.number, image_id, reason, detail)

    if image_id is None:
        return reject("missing_id", f"the id is {record.values['id']!r}")
    photo = intake.photos.find(image_id, image_id)
    product = None if product_id is None else intake.product_number(product_id)
    if product is None:
        return reject("missing_product", _why_no_product(product_id, intake))
    if photo is None:
        return reject("missing_photo", f"no photo file in any folder is named {image_id!r}")
    outcome = intake.add_image(ImageRow(image_id, product, photo, IMAGES, record.number, digest=record.digest))
    if isinstance(outcome, str):
        reject(outcome, f"an earlier row has the id {image_id!r}")
    return None


def _why_no_product(product_id: str | None, intake: Intake) -> str:
    if product_id is None:
        return "the product id is missing"
    reason = intake.rejection_of_product(product_id)
    if reason is None:
        return f"{PRODUCTS} has no product {product_id!r}"
    return f"the row of product {product_id!r} was rejected: {reason}"
