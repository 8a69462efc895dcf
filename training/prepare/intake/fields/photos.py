"""What the cell of a photo column names: one or several files, paths or URLs."""

import json
import re
from collections.abc import Iterator
from posixpath import basename
from urllib.parse import unquote, urlsplit

from training.prepare.intake.fields.text import text_or_none

_ENDING = re.compile(r"\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|heic|heif|avif)$", re.IGNORECASE)
_BETWEEN_URLS = re.compile(r"[\s,;|]+(?=(?:https?:)?//)", re.IGNORECASE)
_URL = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_LIST = re.compile(r"\[(.*)\]", re.DOTALL)
_QUOTED = re.compile(r"""\s*(["'])(.*?)\1\s*(?:,|$)""", re.DOTALL)
# Where an object of a JSON list has its photo.
_KEYS = ("url", "src", "link", "href", "file", "path", "name")


def is_url(reference: str) -> bool:
    """Whether a reference is a URL of the web."""
    return _URL.match(reference) is not None


def references(cell: str) -> list[str]:
    """The photos that a cell names, each one once, in its order.

    URLs are separated by blanks, commas, semicolons, pipes or newlines. File names are separated by semicolons, pipes
    or newlines, and by commas if each part has the ending of a photo. A list in JSON or Python is read as such.
    """
    text = text_or_none(cell)
    if text is None:
        return []
    if listed := _LIST.fullmatch(text):
        parts = list(_of_list(text)) or re.split(r"[,;|\n]", listed[1])
    elif _URL.match(text):
        parts = _BETWEEN_URLS.split(text)
    else:
        parts = [part for piece in re.split(r"[;|\n]", text) for part in _by_comma(piece)]
    return list(dict.fromkeys(filter(None, (part.strip(" \t\r\n,;|") for part in parts))))


def path_of(reference: str) -> str:
    """The path in a reference, with slashes, without host and query: "https://x/a%20b/c.jpg?v=1" gives "a b/c.jpg"."""
    if _URL.match(reference):
        try:
            reference = unquote(urlsplit(reference).path)
        except ValueError:  # such as a bad IPv6 host
            reference = reference.rpartition("/")[2]
    return reference.replace("\\", "/").strip("/")


def stem_of(reference: str) -> str:
    """The base name of a reference, without the ending of a photo: "https://x/a/c.jpg?v=1" gives "c"."""
    return _ENDING.sub("", basename(path_of(reference)))


def _of_list(text: str) -> Iterator[str]:
    """The photos of a list in JSON, of texts or of objects with a URL, or of a list of quoted texts."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        quoted = _QUOTED.findall(text[1:-1])
        yield from (part for _, part in quoted)
        return
    for one in listed:
        found = next((one[key] for key in _KEYS if key in one), None) if isinstance(one, dict) else one
        if isinstance(found, str | int):
            yield str(found)


def _by_comma(piece: str) -> list[str]:
    parts = piece.split(",")
    return parts if all(_ENDING.search(part.strip()) for part in parts) else [piece]
