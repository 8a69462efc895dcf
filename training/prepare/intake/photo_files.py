"""Which files of a data folder are photos, found without holding their names in memory."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# In the order in which they are preferred where an id has several.
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
# Photos to a person, though not taken: worth a line in rejected.csv, not silence.
FOREIGN_ENDINGS = (".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif")


def files_in(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The files directly in a folder, in no particular order; hidden ones left out, links followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_file():
                yield entry


def files_under(folder: Path) -> Iterator[tuple[PurePosixPath, os.DirEntry[str]]]:
    """The files anywhere under a folder with their paths relative to it; links are followed, once."""
    waiting = [PurePosixPath()]
    seen: set[tuple[int, int]] = set()
    while waiting:
        place = waiting.pop()
        here = os.stat(folder / place)  # noqa: PTH116  a link to a folder above would never end
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
    """The file name's ending in lower case, dot included; "" without one."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  a string's, 100,000 times


def is_text(name: str) -> bool:
    """Whether a file name is valid Unicode; one that is not (a stray byte) cannot be stored or sent as text."""
    return name.isprintable() or not any("\ud800" <= char <= "\udfff" for char in name)
