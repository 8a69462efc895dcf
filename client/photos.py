"""Photos for requests: files, bytes, and photos that were uploaded before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.errors import ClientError

_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png"}
# The first bytes that the formats share are lengths, so their names stand further behind.
_BRANDS = {b"WEBP": "image/webp", b"avif": "image/avif", b"avis": "image/avif"}


@dataclass(frozen=True)
class Uploaded:
    """A photo that `LookalikeClient.upload` has sent."""

    key: str


# A file (its bytes are read when the request is sent), its bytes, or a photo that was uploaded before.
Photo = Path | bytes | Uploaded
Photos = Photo | Sequence[Photo]


@dataclass(frozen=True)
class NamedPhoto:
    """The bytes of a photo, and the name that its part of a form has."""

    name: str
    data: bytes


def several(photos: Photos) -> list[Photo]:
    """One photo or several as a list."""
    return [photos] if isinstance(photos, Path | bytes | Uploaded) else list(photos)


def read_photos(photos: Iterable[Photo]) -> list[NamedPhoto]:
    """The photos of files and bytes.

    Raises:
        OSError: a file cannot be read.
        TypeError: one of them is no photo, such as a file's name as a str.
        ClientError: there is none; or one of them was uploaded: all photos of a request come in the same way.
    """
    found = []
    for number, photo in enumerate(photos, start=1):
        if isinstance(photo, Uploaded):
            raise ClientError("a request has photos that were uploaded, or others, but not both")
        if isinstance(photo, Path):
            found.append(NamedPhoto(photo.name, photo.read_bytes()))
        elif isinstance(photo, bytes):
            found.append(NamedPhoto(f"photo-{number}", photo))
        else:  # such as the name of a file, whose letters would be sent as a photo
            raise TypeError(f"a photo is a Path, bytes or Uploaded; this one is a {type(photo).__name__}")
    if not found:
        raise ClientError("there is no photo to send: the list of photos is empty")
    return found


def media_type(data: bytes) -> str:
    """The media type of a photo by its first bytes.

    Raises:
        ClientError: not a JPEG, PNG, WebP or AVIF photo.
    """
    for start, kind in _MAGIC.items():
        if data.startswith(start):
            return kind
    if data[8:12] in _BRANDS:
        return _BRANDS[data[8:12]]
    raise ClientError("the file is not a JPEG, PNG, WebP or AVIF photo")
