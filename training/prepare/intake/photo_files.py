"""Find the photo files of a data folder, without keeping their names in memory."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lambda_app.photo.kinds import is_picture

# In order of preference, if several files have the same name.
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp")
# Other photo formats. The bytes decide: these files get a row in rejected.csv if they are not photos in a known format.
FOREIGN_ENDINGS = (
    *(".gif", ".bmp", ".dib", ".tif", ".tiff", ".heic", ".heif", ".hif", ".jxl", ".jp2", ".svg", ".ico"),
    *(".psd", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2"),
)
# Files that lie beside photos. They are never opened to find out whether they are photos.
OTHER_ENDINGS = (
    *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".htm", ".html", ".pdf", ".ini"),
    *(".log", ".db", ".sqlite", ".xls", ".xlsx", ".ods", ".doc", ".docx", ".zip", ".gz", ".tar", ".py", ".npy"),
)
# Folders that archive programs and network drives add. They hold no photos, or second copies.
_FOLDERS_OF_PROGRAMS = ("__MACOSX", "@eaDir")
HEAD_BYTES = 32


def files_under(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files under a folder with their paths relative to it; skips hidden ones; visits a linked folder only once.

    Links that lead nowhere or in a circle are files too: `os.stat` raises an OSError for them.
    """
    waiting = [""]
    seen: set[tuple[int, int]] = set()
    while waiting:
        place = waiting.pop()
        here = os.stat(folder / place)  # noqa: PTH116  detects links to a parent folder, which would loop forever
        if (here.st_dev, here.st_ino) in seen:
            continue
        seen.add((here.st_dev, here.st_ino))
        with os.scandir(folder / place) as entries:
            for entry in entries:
                if _is_hidden(entry.name):
                    continue
                kind, path = _kind(entry), f"{place}/{entry.name}" if place else entry.name
                if kind == "folder":
                    waiting.append(path)
                elif kind == "file":
                    yield path, entry


def holds_folders(folder: Path) -> bool:
    """Whether there is a folder in this folder, other than hidden ones and those that programs add."""
    return folder.is_dir() and bool(names_in(folder, "folder"))


def names_in(folder: Path, kind: Literal["folder", "file"]) -> list[str]:
    """The names of the folders or files in a folder, sorted; without hidden ones and those that programs add."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not _is_hidden(entry.name) and _kind(entry) == kind)


def ending(name: str) -> str:
    """The suffix of a file name in lower case, with the dot; "" if there is none."""
    stem, dot, suffix = name.rpartition(".")  # faster than Path and os.path, and called 100,000 times
    return f".{suffix.lower()}" if dot and stem and not stem.endswith("/") and "/" not in suffix else ""


def is_photo(path: str) -> bool:
    """Whether a file is a photo in any format: by its ending, else by its first bytes."""
    suffix = ending(path)
    if suffix in PHOTO_ENDINGS or suffix in FOREIGN_ENDINGS:
        return True
    if suffix in OTHER_ENDINGS:
        return False
    return is_picture(_head(Path(path)))


def is_text(name: str) -> bool:
    """Whether a file name is valid Unicode. A name with undecodable bytes cannot be stored or sent as text."""
    return name.isprintable() or not any("\ud800" <= char <= "\udfff" for char in name)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _FOLDERS_OF_PROGRAMS


def _head(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _kind(entry: os.DirEntry[str]) -> str:
    """ "folder", "file", or "other" for devices and pipes. A link that cannot be followed is a file."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        return "file" if entry.is_symlink() and not os.path.exists(entry.path) else "other"  # noqa: PTH110
    except OSError:
        return "file"
