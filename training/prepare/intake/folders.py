"""Layout 2: `<category>/<photo>`, optionally inside folders of splits such as `train/`, `val/` and `test/`."""

import os
import re
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from training.errors import DataError
from training.pipeline.progress import ProgressReporter
from training.prepare.intake.photo_files import files_under, holds_folders, is_photo, is_text, names_in
from training.prepare.intake.tables import ImageRow, Intake, ProductRow

# The split of a folder, by its name in lower case.
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def input_files(data: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files that this layout reads, with their paths relative to `data`, in no particular order."""
    yield from files_under(data)


def read(data: Path, intake: Intake, progress: ProgressReporter) -> None:
    """Read every photo under `data` as a separate product, or reject it with a reason; count other files.

    A photo in a subfolder of `<category>/` belongs to that category. `validation/` without `test/` is used as the test
    split.

    Raises:
        DataError: there are folders of other splits, but not of the training split.
    """
    splits = _split_folders(data)
    order = list(dict.fromkeys(SPLIT_FOLDERS.values()))
    for name, entry in progress(files_under(data), None, "looking for photos", "file"):
        if not is_photo(entry.path):
            intake.add_other_file(name if is_text(name) else ascii(name))
        elif is_text(name):
            top = name.partition("/")[0]
            intake.photos.add(name, order.index(SPLIT_FOLDERS[top.lower()]) if top in splits else 0)
        else:
            intake.rows_in["images"] += 1
            intake.reject("images", ascii(name), None, None, "unreadable_photo", "the file's name is not UTF-8")
    # The order of directory entries is arbitrary, so sort the rows by path, training photos first.
    intake.db.execute("UPDATE photo_files SET named = 1")
    for (photo,) in intake.db.execute("SELECT path FROM photo_files ORDER BY rank, path"):
        _take(PurePosixPath(photo), splits, intake)


def photo_id(path: str) -> str:
    """The image id for a photo's relative path: stable between runs, unique, safe in a URL and as a file name."""
    name = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(path).stem.lower()).strip("-")
    return "-".join(filter(None, (name[:40].strip("-"), blake2b(path.encode(), digest_size=8).hexdigest())))


def _split_folders(data: Path) -> dict[str, str | None]:
    """Map each split folder to its split, or to None if a seeded split divides its photos further.

    A folder with such a name that contains photos instead of category folders is a normal category.
    """
    names = [name for name in names_in(data, "folder") if name.lower() in SPLIT_FOLDERS]
    present = {name: SPLIT_FOLDERS[name.lower()] for name in names if holds_folders(data / name)}
    if not present:
        return {}
    if "train" not in present.values():
        shown = " and ".join(f"{name}/" for name in present)
        raise DataError(f"{data} has {shown} with categories, but no train/")
    held_out = "validation" if "test" in present.values() else "test"
    given = {"train": None, "validation": held_out, "test": "test"}
    return {name: given[split] for name, split in present.items()}


def _take(path: PurePosixPath, splits: dict[str, str | None], intake: Intake) -> None:
    intake.rows_in["images"] += 1
    folders = path.parts[:-1]
    if splits and (not folders or folders[0] not in splits):
        return _reject(path, f"it is outside {', '.join(f'{name}/' for name in splits)}", intake)
    categories = folders[1:] if splits else folders
    if not categories:
        return _reject(path, "it is not in a category folder", intake)
    intake.rows_in["products"] += 1
    image_id = photo_id(str(path))
    product = intake.add_product(ProductRow(image_id, categories[0]))
    image = ImageRow(image_id, int(product), str(path), str(path), given_split=splits.get(folders[0]))
    intake.add_image(image)
    return None


def _reject(path: PurePosixPath, detail: str, intake: Intake) -> None:
    intake.reject("images", str(path), None, photo_id(str(path)), "missing_category", detail)
