"""The layouts of raw data: which one a data folder has, and reading it into the working tables."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from training.errors import DataError
from training.pipeline.progress import ProgressReporter
from training.prepare.intake import folders, listings
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.photo_files import holds_folders
from training.prepare.intake.tables import Intake
from training.prepare.intake.wrapper import wrapper

_LAYOUTS: dict[str, ModuleType] = {"listings": listings, "folders": folders}


def layout_of(data: Path) -> str:
    """The layout of `data`: "listings" or "folders".

    Raises:
        DataError: it has neither layout.
    """
    if not data.is_dir():
        raise DataError(f"{data} {'is not a folder' if data.exists() else 'does not exist'}")
    root = data / wrapper(data)
    if listings.found(root):
        return "listings"
    if holds_folders(root):
        return "folders"
    raise DataError(
        f"{data} holds neither a table of listings (CSV, TSV or XML) nor folders of photos (<category>/<photo>)"
    )


def input_files(data: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files of a data folder that reading it depends on, with their paths relative to the wrapper folder.

    Raises:
        DataError: `data` has no layout.
    """
    files: Iterator[tuple[str, os.DirEntry[str]]] = _LAYOUTS[layout_of(data)].input_files(data / wrapper(data))
    return files


def read(data: Path, intake: Intake, progress: ProgressReporter, reading: Reading, photos: Path | None = None) -> Path:
    """Read all rows of raw data into `intake`; every row is kept or rejected with a reason. No photo is decoded.

    Args:
        data: a data folder, or one table of products with their photos.
        photos: the folder with the photos of listings; None: the data folder, or the folder of the table.

    Returns:
        The folder to which the paths of photos are relative.

    Raises:
        DataError: nothing can be read, or folders of photos are given with `photos`.
    """
    if data.is_file():
        place = photos or data.resolve().parent
        listings.read(data, intake, progress, reading, place)
        return place
    layout, root = layout_of(data), data / wrapper(data)
    if layout == "listings":
        listings.read(root, intake, progress, reading, photos or root)
        return photos or root
    if photos is not None:
        raise DataError(f"{data} holds folders of photos, and no table that could name photos of {photos}")
    folders.read(root, intake, progress)
    return root
