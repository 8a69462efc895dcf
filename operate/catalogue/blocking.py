"""Blocks and unblocks items, and lists what is blocked."""

from collections.abc import Iterator, Sequence
from typing import Literal

from lambda_app.errors import LookalikeError
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.store.blocked import BlockedItems, block, read_blocked, unblock
from lambda_app.store.contract import Store
from operate.catalogue.live_catalog import live_catalog, live_manifest
from training.prepare.intake.fields.words import counted

Kind = Literal["image_id", "product_id"]
_SHOWN = 10
_NOUNS: dict[Kind, str] = {"image_id": "photo", "product_id": "product"}


def change_blocked(store: Store, verb: str, kind: Kind, ids: Sequence[str]) -> Iterator[str]:
    """Block or unblock items; yields what became of it, line by line.

    Args:
        verb: "block" or "unblock".
        kind: what the ids are.

    Raises:
        QueryError, StoreError, ConflictError: as `block`.
    """
    before = frozenset(_of(kind, _blocked(store)))
    after = (block if verb == "block" else unblock)(store, **{f"{kind}s": ids})
    same = [own for own in ids if (own in before) == (verb == "block")]
    yield (
        f"{verb}ed {counted(len(ids) - len(same), _NOUNS[kind])}; blocked are now {_totals(after)}. The API acts on it "
        "within its reload interval (LOOKALIKE_RELOAD_SECONDS, 30 s unless set)"
    )
    if same:
        yield f"{'blocked already' if verb == 'block' else 'not blocked'}: {_quoted(same)}"
    if verb == "block":
        unknown, problem = _unknown(store, kind, ids)
        if unknown:
            yield f"not in the live release, and blocked anyway: {_quoted(list(unknown))}"
        if problem:
            yield problem


def blocked_lines(store: Store) -> Iterator[str]:
    """How much is blocked, then a line for each id, which says if the live release does not know it.

    Raises:
        StoreError: the file of blocked items cannot be read.
    """
    blocked = _blocked(store)
    yield f"blocked are {_totals(blocked)}"
    for kind, noun in _NOUNS.items():
        ids = _of(kind, blocked)
        unknown, problem = _unknown(store, kind, ids)
        for own in ids:
            yield f"{noun:9}{own}{'  (not in the live release)' if own in unknown else ''}"
        if problem:
            yield problem


def _unknown(store: Store, kind: Kind, ids: Sequence[str]) -> tuple[dict[str, None], str]:
    """The ids that the live release does not know, in their order, and why that is not known, or ""."""
    if not ids:
        return {}, ""
    try:
        with live_catalog(store, live_manifest(store)) as catalog:
            return {own: None for own in ids if not _knows(catalog, kind, own)}, ""
    except LookalikeError as exc:  # what is blocked stays so
        return {}, f"whether the live release knows these ids is not known: {exc}"


def _knows(catalog: SegmentedCatalog, kind: Kind, own: str) -> bool:
    return catalog.find(own) is not None if kind == "image_id" else bool(catalog.product_rows(own))


def _blocked(store: Store) -> BlockedItems:
    found = read_blocked(store)
    return found.items if found else BlockedItems()


def _of(kind: Kind, blocked: BlockedItems) -> Sequence[str]:
    return blocked.image_ids if kind == "image_id" else blocked.product_ids


def _totals(blocked: BlockedItems) -> str:
    return f"{counted(len(blocked.image_ids), 'photo')} and {counted(len(blocked.product_ids), 'product')}"


def _quoted(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
    return f"{', '.join(map(repr, ids[:_SHOWN]))}{more}"
