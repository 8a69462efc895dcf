"""Enter a lone wrapper folder, as archives make it: `my-dataset.zip` holds `my-dataset/cats/1.jpg`."""

from pathlib import Path, PurePosixPath

from training.prepare.intake.folders import SPLIT_FOLDERS
from training.prepare.intake.photo_files import holds_folders, is_photo, names_in
from training.prepare.intake.source.find import table_files


def wrapper(data: Path) -> PurePosixPath:
    """The path from `data` to the folder that holds the data: "." in general, else that of its only folder.

    A folder is entered if it lies alone in `data`, without photos or tables beside it, and holds folders or tables. A
    lone folder of photos is a category, and a lone `train/` is a split.
    """
    place = PurePosixPath()
    while (name := _only_folder(data / place)) is not None:
        inner = data / place / name
        if name.lower() in SPLIT_FOLDERS or not (_holds_table(inner) or _holds_only_folders(inner)):
            break
        place /= name
    return place


def _only_folder(folder: Path) -> str | None:
    """The name of the only folder in a folder; None if there are several, or photos or tables beside it."""
    names = names_in(folder, "folder")
    return None if len(names) != 1 or _holds_table(folder) or _holds_photo(folder) else names[0]


def _holds_only_folders(folder: Path) -> bool:
    return holds_folders(folder) and not _holds_photo(folder)


def _holds_photo(folder: Path) -> bool:
    return any(is_photo(str(folder / name)) for name in names_in(folder, "file"))


def _holds_table(folder: Path) -> bool:
    return bool(table_files(folder))
