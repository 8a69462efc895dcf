"""Make a dataset, and print what was kept and what was rejected."""

from collections.abc import Callable
from pathlib import Path

from training.dataset import REJECTED, SUMMARY
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare
from training.prepare.summary import Summary


def prepare_and_tell(
    data: Path, out: Path, settings: PrepareSettings, *, before_photos: Callable[[], None] | None = None
) -> Summary:
    """`prepare`, whose summary is printed: in full for a new dataset, in one line for one that is unchanged.

    The path of the rejected rows is printed too, if there are any.

    Raises:
        DataError, DiskFullError: see `prepare`.
    """
    before = _state(out / SUMMARY)
    summary = prepare(data, out, settings, before_photos=before_photos)
    print("\n".join(summary.lines()) if _state(out / SUMMARY) != before else summary.short())
    if summary.rejected:
        print(f"each rejected row and its reason: {out / REJECTED}", flush=True)
    return summary


def _state(file: Path) -> tuple[int, int] | None:
    """The identity of a file; None if it does not exist. A dataset that is made again gets new files."""
    if not file.is_file():
        return None
    found = file.stat()
    return found.st_ino, found.st_mtime_ns
