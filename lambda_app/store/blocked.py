"""The items that no release answers with: `blocked.json`, one JSON object that changes by conditional writes only."""

import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lambda_app.errors import ConflictError, MissingObjectError, QueryError, StoreError
from lambda_app.store.contract import BLOCKED, Store

# Ids of both kinds together, and bytes of the file: every process of the API holds and looks up all of them.
MOST_IDS = 100_000
MOST_BYTES = 16 << 20
# An id is a text of a catalog, which has the same limit.
MOST_ID_CHARACTERS = 64 << 10
_TRIES = 10
# A writer that lost a race waits at random, or others come first again: up to this, times its tries so far.
_PAUSE_SECONDS = 0.02
# A version that no object has: with it, a read of S3 has the short timeouts of a repeated read.
_MISSING = '"missing"'

Id = Annotated[str, Field(strict=True, min_length=1, max_length=MOST_ID_CHARACTERS)]


class BlockedItems(BaseModel):
    """The content of `blocked.json`.

    Attributes:
        image_ids: of photos.
        product_ids: of products; all their photos are blocked, also those that are added later.
    """

    # A misspelt key would block nothing without a word.
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    image_ids: tuple[Id, ...] = ()
    product_ids: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _limited(self) -> "BlockedItems":
        if (count := len(self.image_ids) + len(self.product_ids)) > MOST_IDS:
            raise ValueError(f"{count:,} ids are blocked; the limit is {MOST_IDS:,}")
        return self


NOTHING_BLOCKED = BlockedItems()


@dataclass(frozen=True)
class BlockedVersion:
    """The blocked items, and their version when they were read; a version that no object has if there is no file."""

    items: BlockedItems
    version: str


def read_blocked(store: Store, unless: str | None = None) -> BlockedVersion | None:
    """Read the blocked items; None if the file still has the version `unless`. Without a file, none are blocked.

    Raises:
        StoreError: the file is damaged, or the store cannot be read.
    """
    try:
        found = store.read_versioned(BLOCKED, unless)
    except MissingObjectError:
        return None if unless == _MISSING else BlockedVersion(NOTHING_BLOCKED, _MISSING)
    return None if found is None else BlockedVersion(_parsed(store, found.data), found.version)


def block(store: Store, image_ids: Iterable[str] = (), product_ids: Iterable[str] = ()) -> BlockedItems:
    """Block items, beside those that are blocked already.

    Returns:
        All blocked items.

    Raises:
        QueryError: an id is empty or too long, or too many ids would be blocked.
        StoreError: the file is damaged, or the store cannot be read or written.
        ConflictError: other writers changed the file too often; nothing was changed.
    """
    more = list(image_ids), list(product_ids)
    return _change(store, lambda ids, kind: [*ids, *more[kind]])


def unblock(store: Store, image_ids: Iterable[str] = (), product_ids: Iterable[str] = ()) -> BlockedItems:
    """Unblock items. Ids that are not blocked are left out. Returns and raises as `block`."""
    gone = set(image_ids), set(product_ids)
    return _change(store, lambda ids, kind: [id_ for id_ in ids if id_ not in gone[kind]])


def _change(store: Store, changed: Callable[[Sequence[str], int], list[str]]) -> BlockedItems:
    """Write what `changed` makes of the ids: of photos (kind 0) and of products (kind 1)."""
    for attempt in range(1, _TRIES + 1):
        found = read_blocked(store)
        if found is None:
            raise StoreError(f"{BLOCKED} of {store} cannot be read")
        items = found.items
        wanted = _checked(changed(items.image_ids, 0), changed(items.product_ids, 1))
        if wanted == items:
            break
        data = (wanted.model_dump_json(indent=1) + "\n").encode()
        if len(data) > MOST_BYTES:
            raise QueryError(f"{BLOCKED} would have {len(data):,} bytes; the limit is {MOST_BYTES:,}")
        try:
            store.replace(BLOCKED, data, None if found.version == _MISSING else found.version)
        except ConflictError:
            if attempt == _TRIES:
                raise
            time.sleep(_PAUSE_SECONDS * attempt * random.random())  # noqa: S311 - no secret
        else:
            break
    return wanted


def _checked(image_ids: Sequence[str], product_ids: Sequence[str]) -> BlockedItems:
    try:
        return BlockedItems(image_ids=tuple(dict.fromkeys(image_ids)), product_ids=tuple(dict.fromkeys(product_ids)))
    except ValidationError as exc:
        raise QueryError(f"these ids cannot be blocked: {_reason(exc)}") from exc


def _parsed(store: Store, data: bytes) -> BlockedItems:
    if len(data) > MOST_BYTES:
        raise StoreError(f"{BLOCKED} of {store} has {len(data):,} bytes; the limit is {MOST_BYTES:,}")
    try:
        raw = json.loads(data)
        if not isinstance(raw, dict) or type(raw.get("format")) is not int:
            raise StoreError(f"{BLOCKED} of {store} is damaged: it is no object with a format, which is 1")
        return BlockedItems.model_validate(raw)
    except ValidationError as exc:
        raise StoreError(f"{BLOCKED} of {store} is damaged: {_reason(exc)}") from exc
    except (ValueError, RecursionError) as exc:
        raise StoreError(f"{BLOCKED} of {store} is damaged: it is not JSON: {exc}") from exc


def _reason(exc: ValidationError) -> str:
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
