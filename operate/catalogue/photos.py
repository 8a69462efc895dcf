"""Photos of new listings, copied into the store before the log names them."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path, PurePosixPath

from lambda_app.errors import LookalikeError, MissingObjectError
from lambda_app.release.photo_key import PHOTOS, is_photo_key
from lambda_app.store.contract import Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PARALLEL = 16


class CatalogueError(LookalikeError):
    """The catalogue cannot be changed as asked; the message says why. Nothing was written to the log."""


def copy_photos(store: Store, name: str, folder: Path, paths: Sequence[str]) -> tuple[dict[str, str], int]:
    """Copy photos into the store, and return their keys by path, and how many were copied.

    A photo whose bytes are there already is not copied again. If other bytes are there, the photo gets a key with a
    digest, so that the photo of an older release stays.

    Args:
        name: of the dataset: keys are `datasets/<name>/<path>`.

    Raises:
        CatalogueError: the name or a path makes no key; nothing was copied.
    """
    if not _NAME.fullmatch(name):
        raise CatalogueError(
            f"{name!r} is no name of a dataset: 1 to 63 letters, digits, dots, hyphens and underscores. Give --name"
        )
    for path in paths:
        if not is_photo_key(f"{PHOTOS}{name}/{path}"):
            raise CatalogueError(f"the path {path[:80]!r} makes no valid key of a photo")

    def copy(path: str) -> tuple[str, bool]:
        key, content = f"{PHOTOS}{name}/{path}", (folder / path).read_bytes()
        if (found := _content(store, key)) is not None and found != content:
            place = PurePosixPath(key)
            key = str(place.with_name(f"{place.stem}-{sha256(content).hexdigest()[:16]}{place.suffix}"))
            found = content if store.exists(key) else None
        if found is None:
            store.upload(key, folder / path)
        return key, found is None

    unique = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(_PARALLEL) as pool:
        done = list(pool.map(copy, unique))
    return {path: key for path, (key, _) in zip(unique, done, strict=True)}, sum(copied for _, copied in done)


def _content(store: Store, key: str) -> bytes | None:
    try:
        return store.read(key)
    except MissingObjectError:
        return None
