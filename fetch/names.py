"""File names for URLs: the last part of the path, so that people and `training.prepare` recognise the photo."""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

MOST_BYTES = 160  # file systems take 255, and a number and an ending may follow
# Letters and digits of any script, as in the names of listings; nothing that a shell or a URL would need to quote.
_OTHERS = re.compile(r"[^\w.-]+")


class Names:
    """Gives each URL a name that no other file of the folder has, also where upper and lower case are the same."""

    def __init__(self, taken: Iterable[str]) -> None:
        """Create it. `taken`: the names of the files that are there, with or without their endings."""
        self._taken = {_key(stem_of(name)) for name in taken}

    def add(self, url: str) -> str:
        """A new name without ending: "chair" for ".../chair.jpg?v=1", or "chair-3f2a9c4d" if "chair" is taken."""
        stem = _stem_in(url)
        if not stem or _key(stem) in self._taken:
            digest = blake2b(url.encode(), digest_size=16).hexdigest()
            # 8 digits are enough but for a clash by chance; the last of these names cannot clash.
            stem = next(
                name
                for name in (f"{stem or 'photo'}-{digest[:length]}" for length in (8, 16, 32))
                if _key(name) not in self._taken
            )
        self._taken.add(_key(stem))
        return stem


def ending_for(content_type: str) -> str:
    """The ending of a photo's file: ".jpg" for "image/jpeg", ".webp" for "image/webp"."""
    return "." + content_type.removeprefix("image/").replace("jpeg", "jpg")


def stem_of(name: str) -> str:
    """A file name without its last ending."""
    return PurePosixPath(name).stem


def _stem_in(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    name = unicodedata.normalize("NFC", unquote(path.rpartition("/")[2]))
    stem = stem_of(_OTHERS.sub("_", name).lstrip("._-"))
    return stem.encode()[:MOST_BYTES].decode(errors="ignore").rstrip(".")


def _key(stem: str) -> str:
    return unicodedata.normalize("NFC", stem).casefold()
