"""A folder that appears whole or not at all: written beside its place, then renamed into it."""

import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from training.errors import DataError


def check_place(out: Path, files: Collection[str], source: Path) -> None:
    """Refuse to write into the source, and to replace a folder that holds anything but `files`.

    Raises:
        DataError: naming what stands in the way.
    """
    origin, target = source.resolve(), out.resolve()
    if target == origin or origin in target.parents or target in origin.parents:
        raise DataError(f"{out} must lie apart from {source}, which it is made of")
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"{out} is a file, not a folder")
    foreign = sorted(child.name for child in out.iterdir() if child.name not in files)
    if foreign:
        raise DataError(f"{out} holds {foreign[0]!r}, so it was not made here and is not replaced; name another folder")


@contextmanager
def made_beside(out: Path) -> Iterator[Path]:
    """Give an empty folder beside `out` to fill; it takes the place of `out` if the block ends well.

    What a run that was killed left behind is cleared away, or put back where it had already stepped aside.
    """
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(target)
    folder = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    folder.mkdir()
    try:
        yield folder
        if target.exists():
            # A folder cannot be renamed over one that holds files: the old one steps aside for a moment.
            aside = target.with_name(f"{target.name}.old-{os.getpid()}")
            target.rename(aside)
            folder.rename(target)
            shutil.rmtree(aside)
        else:
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear_leftovers(target: Path) -> None:
    pattern = re.compile(re.escape(target.name) + r"\.(tmp|old)-([0-9]+)")
    for folder in target.parent.iterdir():
        match = pattern.fullmatch(folder.name)
        if not match or _runs(int(match[2])):
            continue
        if match[1] == "old" and not target.exists():
            folder.rename(target)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether another process of this number is at work."""
    if process == os.getpid():
        return False
    with suppress(PermissionError):  # it runs, as another user
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True
