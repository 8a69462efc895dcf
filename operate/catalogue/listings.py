"""Listings as `training.prepare` takes them become rows for the catalogue of the live release."""

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lambda_app.errors import PhotoError
from lambda_app.photo.rules import Preprocessing
from lambda_app.release.manifest import Manifest
from training.errors import DataError
from training.pipeline.in_order import in_order
from training.pipeline.progress import track
from training.prepare.dataset_tables import write_rejected
from training.prepare.intake import layouts
from training.prepare.intake.fields.descriptions import MOST_CHARACTERS
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.fields.words import counted
from training.prepare.intake.tables import ImageRow, Intake
from training.prepare.photo_loading import decode, read_photo, reject_photo

UNKNOWN = "unknown_category"
_ROWS = """
SELECT images.number, images.id, products.id, category, title, price, location, description, photo, named_id
FROM images JOIN products ON products.number = product ORDER BY images.number
"""
_UNKNOWN = "SELECT category, count(*) FROM products GROUP BY category ORDER BY min(number)"


@dataclass(frozen=True)
class Row:
    """A photo with its listing.

    Attributes:
        photo: its path relative to the folder of photos.
        named_id: whether the table names the image id; else it is the base name of the file.
    """

    image_id: str
    product_id: str
    category: str
    title: str | None
    price: float | None
    location: str | None
    description: str | None
    photo: str
    named_id: bool


@dataclass(frozen=True)
class Listings:
    """What was read.

    Attributes:
        rows: photos that can be added.
        photos: the folder to which their paths are relative.
        rejected: the rejected rows as in `rejected.csv`: source, row, line, id, reason, detail.
        warnings: what a person should check.
    """

    rows: tuple[Row, ...]
    photos: Path
    rejected: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]

    def reasons(self) -> dict[str, int]:
        """The number of rejected rows by reason."""
        return dict(Counter(row[4] for row in self.rejected))


def read_listings(
    data: Path,
    base: Manifest,
    reading: Reading,
    photos: Path | None = None,
    currency: str | None = None,
    *,
    skip_unknown: bool = False,
) -> Listings:
    """Read listings, and decode their photos as the live release would.

    Args:
        data: a data folder or a table; see `training.prepare.intake.layouts.read`.
        base: the live release.
        currency: of all prices; None: what the listings say.
        skip_unknown: reject rows of categories that the model does not know, instead of the whole.

    Raises:
        DataError: nothing can be read, a category is unknown, or the prices have another currency.
    """
    with TemporaryDirectory() as folder, closing(Intake(Path(folder, "intake.sqlite"))) as intake:
        place = layouts.read(data, intake, track, expecting(reading, base, currency), photos)
        check_currency(currency or intake.currency, base)
        _check_categories(intake, base, skip_unknown)
        good = _decodable(intake, place, base.preprocessing)
        rows = tuple(Row(*values) for number, *values in intake.db.execute(_ROWS) if number in good)
        write_rejected(Path(folder, "rejected.csv"), intake)
        with Path(folder, "rejected.csv").open(encoding="utf-8", newline="") as file:
            rejected = tuple(tuple(row) for row in list(csv.reader(file))[1:])
        warnings = [*intake.warnings, *said_of_cuts(intake.cut_descriptions)]
        return Listings(rows, place, rejected, tuple(warnings))


def check_currency(currency: str | None, base: Manifest) -> None:
    """Check that prices have the currency of the live release, if both are known.

    Raises:
        DataError: they have another one.
    """
    if currency and base.currency and currency != base.currency:
        raise DataError(
            f"the prices are in {currency}, those of the live release {base.release} in {base.currency}; if that is "
            f"wrong, give --currency {base.currency}"
        )


def expecting(reading: Reading, base: Manifest, currency: str | None) -> Reading:
    """A reading that rejects rows in another currency than that of the live release, unless a person names one.

    Args:
        currency: the one that a person says all prices have; None: what the table says counts.
    """
    return reading if currency else replace(reading, expected_currency=base.currency)


def said_of_cuts(count: int) -> list[str]:
    """What a person is told if descriptions were cut; nothing if none was."""
    return (
        [f"{counted(count, 'description')} {'was' if count == 1 else 'were'} cut to {MOST_CHARACTERS:,} characters"]
        if count
        else []
    )


def unknown_categories(counts: Sequence[tuple[str, int]], base: Manifest) -> str:
    """The categories that the model does not know with their numbers, in words; empty if there are none."""
    unknown = [f"{name!r} ({count:,})" for name, count in counts if name not in base.categories]
    if not unknown:
        return ""
    return (
        f"the model of {base.release} does not know {', '.join(unknown)}; it knows "
        f"{', '.join(map(repr, base.categories))}. Only training adds a category"
    )


def _check_categories(intake: Intake, base: Manifest, skip: bool) -> None:
    told = unknown_categories(intake.db.execute(_UNKNOWN).fetchall(), base)
    if told and not skip:
        raise DataError(f"{told}. --skip-unknown leaves these rows out; nothing was written")
    if not told:
        return
    categories = dict(intake.db.execute("SELECT number, category FROM products"))
    for number, image in list(intake.images()):
        category = categories[image.product]
        if category not in base.categories:
            intake.db.execute("DELETE FROM images WHERE number = ?", (number,))
            detail = f"the model does not know the category {category!r}"
            intake.reject("images", image.source, image.record, image.id, UNKNOWN, detail, image.line)


def _decodable(intake: Intake, place: Path, preprocessing: Preprocessing) -> set[int]:
    """The numbers of the images whose photos decode; the others are rejected with the reasons of `prepare`."""

    def load(numbered: tuple[int, ImageRow]) -> None:
        path = place / numbered[1].photo
        decode(read_photo(path, path.stat()), numbered[1].photo, preprocessing)

    images: Iterator[tuple[int, ImageRow]] = track(list(intake.images()), None, "photos", "photo")
    good = set()
    for (number, image), loaded in in_order(images, load, os.cpu_count() or 1):
        try:
            loaded.result()
        except (PhotoError, OSError) as exc:
            reject_photo(intake, image, exc)
        else:
            good.add(number)
    return good
