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
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from lambda_app.errors import SettingsError
from lambda_app.photo.rules import Preprocessing
from training.dataset import ITEMS, PHOTOS, REJECTED, SUMMARY, Dataset
from training.errors import DataError
from training.pipeline.commands import CommandParser
from training.pipeline.files import write_json
from training.pipeline.output_folder import atomic_folder, check_output_folder
from training.pipeline.progress import ProgressReporter, track
from training.prepare import photo_cache, splits
from training.prepare.categories import category_order, read_categories
from training.prepare.dataset_tables import write_items, write_rejected
from training.prepare.intake import folders, listings
from training.prepare.intake.tables import Intake
from training.prepare.summary import Summary, rejected_by_source, total_by_reason

log = logging.getLogger(__name__)
# Increase this number when datasets that older code made must be made again.
FORMAT = 1
LAYOUTS: dict[str, ModuleType] = {"listings": listings, "folders": folders}
FILES = (ITEMS, PHOTOS, REJECTED, SUMMARY)


@dataclass(frozen=True)
class PrepareSettings:
    """What a dataset depends on besides its data, and how many threads make it.

    Attributes:
        size: side of the cached photos, in pixels.
        seed: of the splits.
        test_share: share of the products for test; validation_share: of the others for validation.
        categories_file: category names in index order, one per line.
        base_categories: categories of the release that training starts from, used where there is no file: they keep
            their indices, new ones go last.
        workers: decoding threads; None is one per CPU. Changes nothing in the result.
    """

    size: int = 224
    seed: int = 0
    test_share: float = 0.10
    validation_share: float = 0.30
    categories_file: Path | None = None
    base_categories: tuple[str, ...] = ()
    workers: int | None = None

    def __post_init__(self) -> None:
        """Raises: SettingsError, naming the value and its limits."""
        for name in ("test_share", "validation_share"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least 0 and under 1")
        if not 16 <= self.size <= 1024:
            raise SettingsError(f"size is {self.size}; it must be 16 to 1024 pixels")
        if self.workers is not None and self.workers < 1:
            raise SettingsError(f"workers is {self.workers}; there must be at least 1")

    def preprocessing(self) -> Preprocessing:
        return Preprocessing(size=self.size)

    def leading_categories(self) -> tuple[str, ...]:
        """The categories that come first, in this order: those of the file, else those of the base release."""
        return read_categories(self.categories_file) if self.categories_file else self.base_categories

    def as_json(self) -> dict[str, Any]:
        """Everything that the dataset depends on."""
        return {
            "size": self.size,
            "seed": self.seed,
            "test_share": self.test_share,
            "validation_share": self.validation_share,
            "leading_categories": list(self.leading_categories()),
            "preprocessing": self.preprocessing().model_dump(mode="json"),
        }


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
            LAYOUTS[layout].read(data, intake, progress)
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
        DataError: it has neither layout, or only one of the two listing files.
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
    default = PrepareSettings()
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of listings (CSV and photos) or of categories")
    parser.add_argument("--out", type=Path, required=True, metavar="DATASET", help="folder to make or replace")
    parser.add_argument("--size", type=int, default=default.size, help="side of the photos in pixels (%(default)s)")
    parser.add_argument("--seed", type=int, default=default.seed, help="of the splits (%(default)s)")
    parser.add_argument(
        "--test-share", type=float, default=default.test_share, help="share of the products for test (%(default)s)"
    )
    parser.add_argument(
        "--validation-share", type=float, default=default.validation_share, help="of the others (%(default)s)"
    )
    parser.add_argument("--categories", type=Path, metavar="FILE", help="names in index order, one per line")
    parser.add_argument("--workers", type=int, help="decoding threads (one per CPU)")
    given = parser.parse_args(argv)
    settings = PrepareSettings(
        size=given.size,
        seed=given.seed,
        test_share=given.test_share,
        validation_share=given.validation_share,
        categories_file=given.categories,
        workers=given.workers,
    )
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
