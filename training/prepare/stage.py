"""Raw listings or folders of photos to a dataset: clean, reject with reasons, decode once, split by product.

    python -m training.prepare DATA --out DATASET [--size N] [--seed N] [--categories FILE] ...

DATASET is written beside and renamed into place; it is made again only when DATA or the settings changed.
"""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType

from training.dataset import ITEMS, PHOTOS, REJECTED, SUMMARY, Dataset
from training.errors import DataError
from training.pipeline.commands import CommandParser, add_settings, settings_from
from training.pipeline.files import write_json
from training.pipeline.output_folder import check_place, made_beside
from training.pipeline.progress import Tracker, track
from training.prepare import photo_cache, splits
from training.prepare.categories import category_order
from training.prepare.dataset_tables import write_items, write_rejected
from training.prepare.intake import folders, listings
from training.prepare.intake.tables import Intake
from training.prepare.settings import PrepareSettings
from training.prepare.summary import Summary, rejected_by_source, total_by_reason

log = logging.getLogger(__name__)
# Raised whenever a dataset made by older code must be made anew.
FORMAT = 1
LAYOUTS: dict[str, ModuleType] = {"listings": listings, "folders": folders}
FILES = (ITEMS, PHOTOS, REJECTED, SUMMARY)


def prepare(data: Path, out: Path, settings: PrepareSettings, *, progress: Tracker = track) -> Summary:
    """Make the dataset `out` of the listings or folders in `data`, unless it stands there already.

    A run that is stopped leaves an older dataset as it was.

    Raises:
        DataError: nothing usable in `data`, or `out` holds something else than a dataset.
    """
    layout = layout_of(data)
    check_place(out, FILES, data)
    mark = fingerprint(data, settings)
    standing = _standing(out, mark)
    if standing:
        log.info("%s: unchanged", out)
        return standing
    with made_beside(out) as folder:
        working = folder / "intake.sqlite"
        with closing(Intake(working)) as intake:
            LAYOUTS[layout].read(data, intake, progress)
            cache = folder / PHOTOS
            workers = settings.workers or os.cpu_count() or 1
            photo_cache.fill(data, cache, intake, settings.preprocessing(), workers=workers, progress=progress)
            summary = _finish(folder, intake, settings, layout=layout, data=data, mark=mark)
        working.unlink()
        write_json(folder / SUMMARY, summary.as_json())
    return summary


def layout_of(data: Path) -> str:
    """Which layout `data` is in: "listings" or "folders".

    Raises:
        DataError: neither, or only half of the listings.
    """
    if not data.is_dir():
        raise DataError(f"{data} is not a folder")
    if listings.found(data):
        return "listings"
    if any(child.is_dir() and not child.name.startswith(".") for child in data.iterdir()):
        return "folders"
    raise DataError(
        f"{data} holds neither {listings.PRODUCTS} and {listings.IMAGES} nor folders of photos (<category>/<photo>)"
    )


def fingerprint(data: Path, settings: PrepareSettings) -> str:
    """Hex digest of the settings and of the path, size and modification time of every input file; none is read.

    The files' digests are added up, so that their order does not matter and none need be remembered.
    """
    total = 0
    for path, entry in LAYOUTS[layout_of(data)].input_files(data):
        status = entry.stat()
        line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}".encode("utf-8", "surrogateescape")
        total += int.from_bytes(hashlib.sha256(line).digest(), "big")
    asked = json.dumps([FORMAT, data.resolve().name, settings.as_json()], sort_keys=True)
    return hashlib.sha256(f"{asked}\0{total}".encode()).hexdigest()


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.prepare`."""
    parser = CommandParser(prog="python -m training.prepare", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of listings (CSV and photos) or of categories")
    parser.add_argument("--out", type=Path, required=True, metavar="DATASET", help="folder to make or replace")
    add_settings(parser, PrepareSettings)
    given = parser.parse(argv)
    settings = settings_from(given, PrepareSettings)
    try:
        summary = prepare(given.data, given.out, settings)
    except OSError as exc:
        raise DataError(f"{exc}") from exc
    print("\n".join(summary.lines()))


def _standing(out: Path, mark: str) -> Summary | None:
    """The summary of a sound dataset in `out` that was made of the same input."""
    try:
        summary = Dataset.open(out).summary
    except DataError:
        return None
    return Summary(**summary) if summary.get("fingerprint") == mark else None


def _finish(folder: Path, intake: Intake, settings: PrepareSettings, *, layout: str, data: Path, mark: str) -> Summary:
    """Split, write the items and the rejected rows, and count everything."""
    if not intake.count("cached"):
        rejected = total_by_reason(rejected_by_source(intake))
        raise DataError(f"{data} holds no usable photo: of {intake.rows_in['images']} image rows none; {rejected}")
    shared = splits.assign(
        intake, seed=settings.seed, test_share=settings.test_share, validation_share=settings.validation_share
    )
    categories = category_order(intake, settings.leading_categories())
    digest = write_items(folder / ITEMS, intake, categories, settings.as_json())
    write_rejected(folder / REJECTED, intake)
    summary = Summary.of(
        intake,
        layout=layout,
        data=data.resolve().name,
        categories=categories,
        shared_photos=shared,
        settings=settings.as_json(),
        fingerprint=mark,
        digest=digest,
    )
    if not summary.splits["train"]:
        raise DataError(f"{data} leaves no photo to train on: {summary.splits}")
    return summary
