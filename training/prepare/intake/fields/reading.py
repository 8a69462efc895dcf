"""What a user may say about the tables of the data folder, where they do not say it themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# The fields that `--columns` may name, and what they hold.
FIELDS = {
    "id": "id of the product",
    "title": "its name",
    "category": "its category",
    "price": "its price",
    "location": "where it is",
    "description": "what the listing says of it, as text or HTML",
    "currency": "currency of its price",
    "image": "file name, path or URL of a photo, or several of them",
    "image_id": "id of a photo",
    "product_id": "id of a photo's product",
}
# A table may lack these, also if `--columns` names them: the same options serve a smaller table.
OPTIONAL = frozenset({"title", "price", "location", "description", "currency"})
_OTHER_NAMES = {"product_name": "title"}


@dataclass(frozen=True)
class Reading:
    """How to read the tables.

    Attributes:
        encoding: text encoding of files without a byte order mark; None: found out.
        columns: headers by field, such as {"id": ("Handle",)}; other fields are found by their usual names.
        category_separator: text between the parts of a category path; None: found out.
        expected_currency: rows whose price names another currency than this ISO 4217 code are rejected; None: none is.
    """

    encoding: str | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    category_separator: str | None = None
    expected_currency: str | None = None


def parse_columns(text: str) -> dict[str, tuple[str, ...]]:
    """The headers by field in a text such as `id=Handle,image="Image Src"`. A field may occur more than once.

    Raises:
        ValueError: a part is not FIELD=HEADER, or the field is unknown.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in _parts(text):
        name, equals, header = (piece.strip() for piece in part.partition("="))
        name = _OTHER_NAMES.get(name, name)
        header = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
        if not equals or not header:
            raise ValueError(f"write FIELD=HEADER, and separate several with commas; {part!r} is none")
        if name not in FIELDS:
            raise ValueError(f"no field {name!r}; there are {', '.join(FIELDS)}")
        found[name] = (*found.get(name, ()), header)
    return found


def check_columns(text: str | None) -> str | None:
    """The text itself; None stays None.

    Raises:
        ValueError: as `parse_columns`.
    """
    if text is not None:
        parse_columns(text)
    return text


def check_encoding(name: str | None) -> str | None:
    """The name itself; None stays None.

    Raises:
        ValueError: Python has no text encoding of that name.
    """
    if name is None:
        return None
    try:
        "".encode(name)
    except (LookupError, ValueError) as exc:
        raise ValueError("no such text encoding; there are utf-8, utf-16, cp1252, cp1251, shift_jis and more") from exc
    return name


def _parts(text: str) -> list[str]:
    """The text split at commas outside quotes; the quotes stay."""
    parts, quoted = [""], False
    for char in text:
        quoted ^= char == '"'
        if char == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part.strip()]
