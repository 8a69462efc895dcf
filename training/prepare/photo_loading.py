"""Read and decode one photo of the raw data by the code of serving, and say why a photo cannot be used."""

import stat
from os import stat_result
from pathlib import Path

from lambda_app.errors import PhotoError, PhotoTooLargeError, UnsupportedPhotoError
from lambda_app.photo.kinds import is_picture
from lambda_app.photo.preprocessing import LoadedPhoto, load_photo
from lambda_app.photo.rules import Preprocessing
from training.prepare.intake.photo_files import FOREIGN_ENDINGS, HEAD_BYTES, ending
from training.prepare.intake.tables import ImageRow, Intake

# A photo within the pixel limit is smaller than this in any usual format. Reading a larger file would waste memory.
MAX_FILE_BYTES = 256 * 2**20


class ForeignPhotoError(PhotoError):
    """The file is a photo in a format that is not supported."""


def read_photo(path: Path, status: stat_result) -> bytes:
    """The bytes of a photo file.

    Raises:
        PhotoTooLargeError: it has more than MAX_FILE_BYTES.
        OSError: it is no file, or cannot be read.
    """
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path.name} is not a file")  # reading a pipe would wait for ever
    if status.st_size > MAX_FILE_BYTES:
        raise PhotoTooLargeError(f"the file is {status.st_size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
    return path.read_bytes()


def decode(content: bytes, name: str, preprocessing: Preprocessing) -> LoadedPhoto:
    """A photo as the network sees it, and its overview. `name`: its file name.

    Raises:
        ForeignPhotoError: it is a photo in a format that is not supported.
        PhotoError: it cannot be decoded.
    """
    try:
        return load_photo(content, preprocessing)
    except UnsupportedPhotoError as exc:
        if is_picture(content[:HEAD_BYTES]) or ending(name) in FOREIGN_ENDINGS:
            raise ForeignPhotoError(str(exc)) from exc
        raise


def reject_photo(intake: Intake, image: ImageRow, error: PhotoError | OSError) -> None:
    """Note that the photo of an image row cannot be used."""
    reason = "unsupported_photo" if isinstance(error, ForeignPhotoError) else "unreadable_photo"
    detail = f"{image.photo}: {error}"
    intake.reject("images", image.source, image.record, image.id, reason, detail, image.line)
