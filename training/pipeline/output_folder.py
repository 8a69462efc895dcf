"""Write an output folder atomically: fill a temporary folder next to it, then rename it into place."""

import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from training.errors import DataError


def check_output_folder(out: Path, files: Collection[str], source: Path) -> None:
    """Check that `out` and `source` do not overlap, and that `out` is absent or holds nothing besides `files`.

    Raises:
        DataError: `out` cannot be used; the message names the reason.
    """
    origin, target = source.resolve(), out.resolve()
    if target == origin or origin in target.parents or target in origin.parents:
        raise DataError(f"{out} and {source} overlap; the output folder must be outside the input folder")
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"{out} is a file, not a folder")
    foreign = sorted(child.name for child in out.iterdir() if child.name not in files)
    if foreign:
        raise DataError(
            f"{out} contains {foreign[0]!r}, so it is not a folder that this command made; choose another output folder"
        )


@contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """Yield an empty temporary folder next to `out`; it replaces `out` if the block ends without an error.

    First cleans up after runs that were killed: deletes their temporary folders, or moves the old `out` back if the run
    was killed between the two renames.
    """
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(target)
    folder = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    folder.mkdir()
    try:
        yield folder
        if target.exists():
            # A folder cannot be renamed onto a folder that is not empty, so move the old one away first.
            old = target.with_name(f"{target.name}.old-{os.getpid()}")
            target.rename(old)
            folder.rename(target)
            shutil.rmtree(old)
        else:
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear_leftovers(target: Path) -> None:
    pattern = re.compile(re.escape(target.name) + r"\.(tmp|old)-([0-9]+)")
    for folder in target.parent.iterdir():
        match = pattern.fullmatch(folder.name)
        if not match or _is_running(int(match[2])):
            continue
        if match[1] == "old" and not target.exists():
            folder.rename(target)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    """Whether another process with this id is running."""
    if process == os.getpid():
        return False
    with suppress(PermissionError):  # the process exists, but belongs to another user
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True
