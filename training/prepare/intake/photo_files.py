"""Find the photo files of a data folder, without keeping their names in memory."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# In order of preference, if several files have the same id.
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif")
# Photo formats that are not supported. These files get a row in rejected.csv instead of being ignored.
FOREIGN_ENDINGS = (".gif", ".bmp", ".tif", ".tiff", ".heic")


def files_in(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The files directly in a folder, in no particular order; skips hidden files, follows links."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_file():
                yield entry


def files_under(folder: Path) -> Iterator[tuple[PurePosixPath, os.DirEntry[str]]]:
    """All files under a folder with their paths relative to it; skips hidden ones; visits a linked folder only once."""
    waiting = [PurePosixPath()]
    seen: set[tuple[int, int]] = set()
    while waiting:
        place = waiting.pop()
        here = os.stat(folder / place)  # noqa: PTH116  detects links to a parent folder, which would loop forever
        if (here.st_dev, here.st_ino) in seen:
            continue
        seen.add((here.st_dev, here.st_ino))
        with os.scandir(folder / place) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    waiting.append(place / entry.name)
                elif entry.is_file():
                    yield place / entry.name, entry


def ending(name: str) -> str:
    """The suffix of a file name in lower case, with the dot; "" if there is none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  faster than Path, called 100,000 times


def is_text(name: str) -> bool:
    """Whether a file name is valid Unicode. A name with undecodable bytes cannot be stored or sent as text."""
    return name.isprintable() or not any("\ud800" <= char <= "\udfff" for char in name)
