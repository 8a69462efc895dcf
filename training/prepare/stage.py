"""Make a dataset from raw listings or folders of photos: clean, reject with reasons, decode once, split by product.

    python -m training.prepare DATA --out DATASET [--size N] [--seed N] [--categories FILE] ...

DATASET is written to a temporary folder and renamed into place. It is made again only if DATA or the settings changed.
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
from training.pipeline.output_folder import atomic_folder, check_output_folder
from training.pipeline.progress import ProgressReporter, track
from training.prepare import photo_cache, splits
from training.prepare.categories import category_order, doubtful_categories
from training.prepare.dataset_tables import write_items, write_rejected
from training.prepare.intake import folders, listings
from training.prepare.intake.tables import Intake
from training.prepare.settings import PrepareSettings
from training.prepare.summary import Summary, rejected_by_source, total_by_reason

log = logging.getLogger(__name__)
# Increase this number when datasets that older code made must be made again.
FORMAT = 2
LAYOUTS: dict[str, ModuleType] = {"listings": listings, "folders": folders}
FILES = (ITEMS, PHOTOS, REJECTED, SUMMARY)


def prepare(data: Path, out: Path, settings: PrepareSettings, *, progress: ProgressReporter = track) -> Summary:
    """Make the dataset `out` from the listings or folders in `data`, unless an up-to-date dataset exists there.

    If the run is stopped, an existing dataset is unchanged.

    Raises:
        DataError: nothing in `data` is usable, or `out` contains something other than a dataset.
    """
    layout = layout_of(data)
    check_output_folder(out, FILES, data)
    input_digest = fingerprint(data, settings)
    existing = _existing_summary(out, input_digest)
    if existing:
        log.info("%s: unchanged", out)
        return existing
    with atomic_folder(out) as folder:
        working = folder / "intake.sqlite"
        with closing(Intake(working)) as intake:
            if layout == "listings":
                listings.read(data, intake, progress, settings.reading())
            else:
                folders.read(data, intake, progress)
            cache = folder / PHOTOS
            workers = settings.workers or os.cpu_count() or 1
            photo_cache.fill(data, cache, intake, settings.preprocessing(), workers=workers, progress=progress)
            summary = _finish(folder, intake, settings, layout=layout, data=data, input_digest=input_digest)
        working.unlink()
        write_json(folder / SUMMARY, summary.as_json())
    return summary


def layout_of(data: Path) -> str:
    """The layout of `data`: "listings" or "folders".

    Raises:
        DataError: it has neither layout.
    """
    if not data.is_dir():
        raise DataError(f"{data} is not a folder")
    if listings.found(data):
        return "listings"
    if any(child.is_dir() and not child.name.startswith(".") for child in data.iterdir()):
        return "folders"
    raise DataError(
        f"{data} holds neither Products.csv and Images.csv nor folders of photos (<category>/<photo>), nor a feed"
    )


def fingerprint(data: Path, settings: PrepareSettings) -> str:
    """Hex digest of the settings and of the path, size and modification time of every input file.

    The files are not opened. Their digests are added up, so the order does not matter and no list is kept in memory.
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


def _existing_summary(out: Path, input_digest: str) -> Summary | None:
    """The summary of the dataset in `out`, if it is valid and was made from the same input; else None."""
    try:
        summary = Dataset.open(out).summary
    except DataError:
        return None
    return Summary(**summary) if summary.get("fingerprint") == input_digest else None


def _finish(
    folder: Path, intake: Intake, settings: PrepareSettings, *, layout: str, data: Path, input_digest: str
) -> Summary:
    """Assign the splits, write the items and the rejected rows, and make the summary."""
    if not intake.count("cached"):
        rejected = total_by_reason(rejected_by_source(intake))
        raise DataError(
            f"{data} holds no usable photo: 0 of {intake.rows_in['images']} image rows; rejected: {rejected}"
        )
    shared = splits.assign(
        intake, seed=settings.seed, test_share=settings.test_share, validation_share=settings.validation_share
    )
    categories = category_order(intake, settings.leading_categories())
    intake.warnings += doubtful_categories(intake)
    digest = write_items(folder / ITEMS, intake, categories, settings.as_json())
    write_rejected(folder / REJECTED, intake)
    summary = Summary.of(
        intake,
        layout=layout,
        data=data.resolve().name,
        categories=categories,
        shared_photos=shared,
        settings=settings.as_json(),
        fingerprint=input_digest,
        digest=digest,
    )
    if not summary.splits["train"]:
        raise DataError(f"{data} has no photo in the training split: {summary.splits}")
    return summary
