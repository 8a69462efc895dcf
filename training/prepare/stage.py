"""Make a dataset from raw listings or folders of photos: clean, reject with reasons, decode once, split by product.

    python -m training.prepare DATA --out DATASET [--size N] [--seed N] [--categories FILE] ...

DATASET is written to a temporary folder and renamed into place. It is made again only if DATA, the settings or the code
changed, and then only photos are decoded that the last run did not decode, also if that was stopped.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from lambda_app.likeness import fingerprint as likeness
from lambda_app.photo import preprocessing
from training.dataset import ITEMS, PHOTOS, REJECTED, SOURCES, SUMMARY, Dataset
from training.errors import DataError
from training.pipeline.code_digest import code_digest
from training.pipeline.commands import CommandParser, add_settings, settings_from
from training.pipeline.disk import writing
from training.pipeline.files import write_json
from training.pipeline.output_folder import atomic_folder, check_output_folder
from training.pipeline.progress import ProgressReporter, track
from training.prepare import photo_cache, splits
from training.prepare.categories import category_order, doubtful_categories
from training.prepare.cautions import cautions, unmatched
from training.prepare.dataset_tables import write_items, write_rejected
from training.prepare.decoded import count_sources, earlier_photos, file_state
from training.prepare.intake import layouts
from training.prepare.intake.fields.words import counted
from training.prepare.intake.tables import Intake
from training.prepare.intake.wrapper import wrapper
from training.prepare.settings import PrepareSettings
from training.prepare.snapshot import snapshot_of
from training.prepare.summary import Summary, rejected_by_source, total_by_reason

log = logging.getLogger(__name__)
# Increase this number when datasets that older code made must be made again.
FORMAT = 2
FILES = (ITEMS, PHOTOS, SOURCES, REJECTED, SUMMARY)


def prepare(
    data: Path,
    out: Path,
    settings: PrepareSettings,
    *,
    progress: ProgressReporter = track,
    before_photos: Callable[[], None] | None = None,
) -> Summary:
    """Make the dataset `out` from the listings or folders in `data`, unless an up-to-date dataset exists there.

    If the run is stopped, an existing dataset is unchanged, and the photos that were decoded so far are kept for the
    next run.

    Args:
        before_photos: called when the tables were read and have usable rows, before the first photo is decoded; also if
            nothing has changed. For checks that take long, such as a download.

    Raises:
        DataError: nothing in `data` is usable, a file cannot be read or written, or `out` contains something other than
            a dataset.
        DiskFullError: the dataset does not fit on the disk.
    """
    try:
        return _prepare(data, out, settings, progress, before_photos or (lambda: None))
    except OSError as exc:
        raise DataError(f"{exc}") from exc


def _prepare(
    data: Path, out: Path, settings: PrepareSettings, progress: ProgressReporter, before_photos: Callable[[], None]
) -> Summary:
    layout = layouts.layout_of(data)
    check_output_folder(out, FILES, data)
    snapshot = None if settings.copied else snapshot_of(data, datetime.now(UTC))  # before anything is read
    input_digest = fingerprint(data, settings)
    existing = _existing_summary(out, input_digest)
    if existing:
        log.info("%s: unchanged", out)
        before_photos()
        return existing
    root, key, workers = data / wrapper(data), pixels_key(settings), settings.workers or os.cpu_count() or 1
    stopped = _stopped_folder(out)
    with earlier_photos((out, stopped), key) as earlier, atomic_folder(out) as folder, writing(folder):
        working = folder / "intake.sqlite"
        with closing(Intake(working)) as intake:
            layouts.read(data, intake, progress, settings.reading())
            if not intake.count("images"):
                raise _nothing_usable(data, out, intake)
            before_photos()
            with _kept_if_stopped(folder, stopped, len(earlier or ())):
                taken_over = photo_cache.fill(
                    root,
                    folder / PHOTOS,
                    intake,
                    settings.preprocessing(),
                    workers=workers,
                    progress=progress,
                    key=key,
                    earlier=earlier,
                )
            if taken_over:
                log.info("photos: %d of %d were decoded before", taken_over, intake.count("cached"))
            if not intake.count("cached"):
                raise _nothing_usable(data, out, intake)
            summary = _finish(folder, intake, settings, layout=layout, data=data, input_digest=input_digest)
        working.unlink()
        summary = replace(summary, snapshot_at=None if snapshot is None else snapshot.isoformat())
        write_json(folder / SUMMARY, summary.as_json())
    shutil.rmtree(stopped, ignore_errors=True)
    return summary


def fingerprint(data: Path, settings: PrepareSettings) -> str:
    """Hex digest of the settings, the code, and the path and state of every input file.

    The files are not opened. Their digests are added up, so the order does not matter and no list is kept in memory.
    """
    total, place = 0, wrapper(data)
    for path, entry in layouts.input_files(data):
        line = f"{path}\0{_state(entry)}".encode("utf-8", "surrogateescape")
        total += int.from_bytes(hashlib.sha256(line).digest(), "big")
    code = _digest_of_code(__file__)
    asked = json.dumps(
        [FORMAT, code, data.resolve().name, str(place), settings.as_json(), pixels_key(settings)], sort_keys=True
    )
    return hashlib.sha256(f"{asked}\0{total}".encode("utf-8", "surrogateescape")).hexdigest()


def pixels_key(settings: PrepareSettings) -> str:
    """Hex digest of what pixels and fingerprint of a photo depend on: settings, code of both, and its libraries."""
    code = _digest_of_code(preprocessing.__file__) + _digest_of_code(likeness.__file__)
    libraries = [version("pillow"), version("numpy")]
    rules = settings.preprocessing().model_dump(mode="json", exclude={"mean", "std"})  # of the network's input
    return hashlib.sha256(json.dumps([rules, code, libraries], sort_keys=True).encode()).hexdigest()


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.prepare`."""
    parser = CommandParser(prog="python -m training.prepare", description=__doc__.splitlines()[0])
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="folder with a table of listings and their photos, or with one folder of photos per category",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DATASET", help="folder to make or replace")
    add_settings(parser, PrepareSettings)
    given = parser.parse(argv)
    settings = settings_from(given, PrepareSettings)
    summary = prepare(given.data, given.out, settings)
    print("\n".join(summary.lines()))


def _existing_summary(out: Path, input_digest: str) -> Summary | None:
    """The summary of the dataset in `out`, if it is valid and was made from the same input; else None."""
    try:
        summary = Dataset.open(out).summary
    except DataError:
        return None
    return Summary(**summary) if summary.get("fingerprint") == input_digest else None


@cache
def _digest_of_code(file: str) -> str:
    return code_digest(Path(file))


def _state(entry: os.DirEntry[str]) -> str:
    try:
        return file_state(entry.stat())
    except OSError as exc:  # a link that leads nowhere
        return str(exc.errno)


def _stopped_folder(out: Path) -> Path:
    """Where the photos of a run that was stopped are kept for the next one."""
    return out.resolve().with_name(f"{out.resolve().name}.stopped")


@contextmanager
def _kept_if_stopped(folder: Path, stopped: Path, fewest: int) -> Iterator[None]:
    """Keep the photos decoded so far if Ctrl-C or SIGTERM ends the block, if they are more than `fewest`."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if (folder / PHOTOS).is_file() and count_sources(folder) > fewest:
            shutil.rmtree(stopped, ignore_errors=True)
            stopped.mkdir()
            for name in (PHOTOS, SOURCES):
                (folder / name).rename(stopped / name)
        raise


def _nothing_usable(data: Path, out: Path, intake: Intake) -> DataError:
    """The error for data without a usable photo. Leaves the list of rejected rows for the user."""
    message = f"{data} holds no usable photo: 0 of {counted(intake.rows_in['images'], 'image row')}"
    if not intake.count("rejected"):
        return DataError(message)
    path = out / REJECTED
    if out.exists():  # an older dataset stays as it is
        path = out.with_name(f"{out.name}.{REJECTED}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rejected(path, intake)
    rejected = total_by_reason(rejected_by_source(intake))
    return DataError(f"{message}; rejected: {rejected}{unmatched(intake)}; the rows are in {path}")


def _finish(
    folder: Path, intake: Intake, settings: PrepareSettings, *, layout: str, data: Path, input_digest: str
) -> Summary:
    """Assign the splits, write the items and the rejected rows, and make the summary."""
    shared = splits.assign(
        intake, seed=settings.seed, test_share=settings.test_share, validation_share=settings.validation_share
    )
    categories = category_order(intake, settings.leading_categories())
    intake.warnings += doubtful_categories(intake)
    place = wrapper(data)
    digests = write_items(folder / ITEMS, intake, categories, settings.as_json(), place)
    write_rejected(folder / REJECTED, intake)
    intake.warnings.extend(cautions(intake, categories))
    summary = Summary.of(
        intake,
        layout=layout,
        data=data.resolve().name,
        folder=str(place),
        categories=categories,
        shared_photos=shared,
        settings=settings.as_json(),
        currency=settings.currency or intake.currency,
        fingerprint=input_digest,
        digests=digests,
    )
    if not summary.splits["train"]:
        raise DataError(f"{data} has no photo in the training split: {summary.splits}")
    return summary
