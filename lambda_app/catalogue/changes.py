"""The lines of the log of changes: what they may hold, and how an entry is written and read.

Lines come from outside: from drops, from requests, from other software that writes to the store. They are read
strictly. A line that cannot be read is kept with its reason, so that the lines beside it can still be applied.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic import model_validator as validates

from lambda_app.catalogue.fields import Name, Number, Photo, Price, Strict, Text
from lambda_app.errors import ChangeError
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.manifest import ReleaseId

FORMAT = 1
MOST_CHANGES = 10_000  # of an entry
MOST_ENTRY_BYTES = 64 << 20
MOST_LINE_BYTES = 512 << 10
MOST_BATCH_CHARACTERS = 1_000
_MOST_WORDS = 300


class Item(Strict):
    """The fields of a catalog item, as `CatalogItem`."""

    image_id: Name
    product_id: Name
    category: Name
    title: Text | None = None
    price: Price | None = None
    location: Text | None = None
    description: Text | None = None
    photo: Photo

    def catalog_item(self) -> CatalogItem:
        """The row of the catalog."""
        return CatalogItem(**self.model_dump())


class NewValues(Strict):
    """The fields that an update sets: those that are given. None clears a field."""

    title: Text | None = None
    category: Name | None = None
    price: Price | None = None
    location: Text | None = None
    description: Text | None = None

    @validates(mode="after")
    def _sets_something(self) -> "NewValues":
        if not self.model_fields_set:
            raise ValueError(f"names no field; it takes {', '.join(type(self).model_fields)}")
        if "category" in self.model_fields_set and self.category is None:
            raise ValueError("clears the category; every item has one")
        return self

    def given(self) -> dict[str, Any]:
        """The fields that change, with their new values."""
        return self.model_dump(include=self.model_fields_set)


class _OfItems(Strict):
    """A change of one photo, or of all photos of a product."""

    image_id: Name | None = None
    product_id: Name | None = None

    @validates(mode="after")
    def _names_one(self) -> "_OfItems":
        if (self.image_id is None) is (self.product_id is None):
            raise ValueError("takes either image_id or product_id")
        return self


class Upsert(Strict):
    """Add a photo, or replace the one with this image id."""

    op: Literal["upsert"] = "upsert"
    item: Item


class Update(_OfItems):
    """Change fields. The photo and its vector stay."""

    op: Literal["update"] = "update"
    set: NewValues


class Remove(_OfItems):
    """Remove a photo, or all photos of a product."""

    op: Literal["remove"] = "remove"


class Revert(Strict):
    """A rollback: the entries after `through` up to `undone` do not count any more.

    Attributes:
        release: the release that the catalogue goes back to; it contains the entries up to `through`.
    """

    op: Literal["revert"] = "revert"
    release: ReleaseId
    through: Number
    undone: Number


Change = Upsert | Update | Remove | Revert
_CHANGE: TypeAdapter[Change] = TypeAdapter(Annotated[Change, Field(discriminator="op")])


class Header(BaseModel):
    """The first line of an entry. Further fields are ignored: a new meaning raises `format`.

    Attributes:
        batch: an id of the writer's choice. Entries with the same batch are one entry, written twice.
        source: who wrote it, for people.
        changes: the number of lines that follow.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    format: Literal[1] = 1
    batch: Annotated[str, Field(min_length=1, max_length=MOST_BATCH_CHARACTERS)]
    source: Annotated[str, Field(max_length=MOST_BATCH_CHARACTERS)]
    written_at: AwareDatetime
    changes: Annotated[int, Field(ge=0, le=MOST_CHANGES)]


@dataclass(frozen=True)
class Unreadable:
    """A line, or a whole entry, that cannot be read, and why."""

    reason: str


@dataclass(frozen=True)
class Entry:
    """An entry of the log.

    Attributes:
        header: None if the entry cannot be read as a whole; `lines` then holds the reason alone.
        lines: the changes in their order; line i of the entry, counted from 1, is `lines[i - 1]`.
    """

    number: int
    header: Header | None
    lines: tuple[Change | Unreadable, ...]


def read_change(line: str | bytes) -> Change:
    """Read one line.

    Raises:
        ChangeError: it is not a change; the message names the field and the limit.
    """
    if len(line) > MOST_LINE_BYTES:
        raise ChangeError(f"a change has {len(line):,} bytes; the limit is {MOST_LINE_BYTES:,}")
    try:
        return _CHANGE.validate_json(line)
    except ValidationError as exc:
        raise ChangeError(in_words(exc)) from exc


def write_change(change: Change) -> str:
    """The line of a change, as `read_change` reads it."""
    return json.dumps({"op": change.op, **change.model_dump(mode="json", exclude_unset=True)}, ensure_ascii=False)


def write_entry(changes: Sequence[Change], source: str, batch: str, written_at: datetime) -> bytes:
    """The bytes of an entry.

    Raises:
        ChangeError: there are more changes or bytes than an entry may have, or a revert is not alone.
    """
    _check_revert(changes)
    try:
        header = Header(source=source, batch=batch, written_at=written_at, changes=len(changes))
    except ValidationError as exc:
        raise ChangeError(f"the entry: {in_words(exc)}") from exc
    lines = [header.model_dump_json(), *map(write_change, changes)]
    return _within(b"".join(line.encode() + b"\n" for line in lines))


def read_entry(number: int, data: bytes) -> Entry:
    """Read an entry. Whatever the bytes are, the result is an entry: what cannot be read has its reason."""
    try:
        first, *lines = _within(data).splitlines()
        header = Header.model_validate_json(first)
        if header.changes != len(lines):
            raise ChangeError(f"the entry has {len(lines)} changes; its first line says {header.changes}")
        changes = [_line(line) for line in lines]
        _check_revert([change for change in changes if not isinstance(change, Unreadable)])
    except ValidationError as exc:
        return Entry(number, None, (Unreadable(f"the first line of the entry: {in_words(exc)}"),))
    except ValueError:  # no first line at all
        return Entry(number, None, (Unreadable("the entry is empty"),))
    except ChangeError as exc:
        return Entry(number, None, (Unreadable(str(exc)),))
    return Entry(number, header, tuple(changes))


def _line(line: bytes) -> Change | Unreadable:
    try:
        return read_change(line)
    except ChangeError as exc:
        return Unreadable(str(exc))


def _check_revert(changes: Sequence[Change]) -> None:
    if len(changes) > 1 and any(isinstance(change, Revert) for change in changes):
        raise ChangeError(f"a revert stands alone in its entry; this one has {len(changes)} changes")


def _within(data: bytes) -> bytes:
    if len(data) > MOST_ENTRY_BYTES:
        raise ChangeError(f"the entry has {len(data):,} bytes; the limit is {MOST_ENTRY_BYTES:,}")
    return data


def in_words(error: ValidationError) -> str:
    """The first thing that is wrong, with its field and its value."""
    first = error.errors(include_url=False)[0]
    if first["type"] in ("missing", "extra_forbidden"):
        return _missing_or_unknown(first["type"], first["loc"])[:_MOST_WORDS]
    # Without the tag of the union, which is the value of `op`.
    where = ".".join(str(part) for part in first["loc"] if part not in ("upsert", "update", "remove", "revert"))
    value = json.dumps(first["input"], default=str)[:80] if first["type"] != "json_invalid" else ""
    message = first["msg"].removeprefix("Value error, ")
    return ": ".join(filter(None, (where, message, value)))[:_MOST_WORDS]


def _missing_or_unknown(kind: str, place: tuple[int | str, ...]) -> str:
    name = str(place[-1])
    if kind == "missing":
        return f"{name} is missing"
    # The parts of a change, by the name that stands before the field; without one, the field is of the change itself.
    parts: dict[int | str, tuple[str, type[Strict]]] = {
        "item": ("an item", Item),
        "set": ("what an update sets", NewValues),
        "upsert": ("the change 'upsert'", Upsert),
        "update": ("the change 'update'", Update),
        "remove": ("the change 'remove'", Remove),
        "revert": ("the change 'revert'", Revert),
    }
    what, model = next((parts[part] for part in reversed(place[:-1]) if part in parts), ("an item", Item))
    return f"{name[:80]} is not a field of {what}; its fields are {', '.join(model.model_fields)}"
