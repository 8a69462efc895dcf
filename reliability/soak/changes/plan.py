"""What each writer changes, and what a log of such changes makes of the catalogue.

Writers add items of their own, and change and remove items that all of them share. Some changes cannot be applied: a
photo that does not decode, an unknown category, an item that another writer removed first.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lambda_app.catalogue.changes import Change, Entry, Item, NewValues, Remove, Update, Upsert
from tests.releases import CATEGORIES, DATASET

PRODUCTS = 20  # of the release that the writers begin with
_UNKNOWN = "Boats"
_KINDS = ("add", "add", "add", "reprice own", "reprice shared", "remove own", "remove shared", "broken", "unknown")


@dataclass(frozen=True)
class Step:
    """The changes of one batch, and the photos that they need.

    Attributes:
        photos: seeds of photos by key; None: bytes that are no photo.
    """

    changes: Sequence[Change]
    photos: dict[str, int | None]


@dataclass(frozen=True)
class Expected:
    """What a log makes of a catalogue.

    Attributes:
        prices: of the items, by image id.
        photos: seeds of the photos of added items, by image id.
        rejected: entry and line of the changes that cannot be applied.
    """

    prices: dict[str, float | None]
    photos: dict[str, int]
    rejected: set[tuple[int, int]]


def steps(writer: int, count: int) -> list[Step]:
    """The batches of a writer, in their order; always the same."""
    random = np.random.default_rng((18, writer))
    kinds = [*_KINDS, *random.choice(_KINDS, max(0, count - len(_KINDS)))][:count]
    return [_step(str(kind), writer, number, random) for number, kind in enumerate(kinds)]


def expected(base: dict[str, float | None], log: Iterable[Entry], broken: set[str], seeds: dict[str, int]) -> Expected:
    """Apply a log to a dictionary.

    Args:
        base: prices of the items of the release that the log begins with.
        log: all entries.
        broken: keys of photos that do not decode.
        seeds: of the other photos, by key.
    """
    prices, photos, rejected = dict(base), dict[str, int](), set[tuple[int, int]]()
    for entry in log:
        for line, change in enumerate(entry.lines, start=1):
            if isinstance(change, Upsert):
                item = change.item
                if item.photo in broken or item.category == _UNKNOWN:
                    rejected.add((entry.number, line))
                else:
                    prices[item.image_id], photos[item.image_id] = item.price, seeds[item.photo]
            elif isinstance(change, Update | Remove) and change.image_id in prices:
                if isinstance(change, Update):
                    prices[change.image_id] = change.set.price
                else:
                    del prices[change.image_id]
                    photos.pop(change.image_id, None)
            else:
                rejected.add((entry.number, line))
    return Expected(prices, photos, rejected)


def rejected_lines(note: bytes) -> set[tuple[int, int]]:
    """Entry and line of what a note in `rejected/changes/` names; each must have a reason.

    Raises:
        ValueError: one has none.
    """
    found = json.loads(note)
    if not all(line["reason"] for line in found["rejected"]):
        raise ValueError(f"a change of entry {found['entry']} was rejected without a reason")
    return {(found["entry"], line["line"]) for line in found["rejected"]}


def _step(kind: str, writer: int, number: int, random: np.random.Generator) -> Step:
    own, earlier = f"w{writer}-{number:03}", f"w{writer}-{int(random.integers(0, number + 1)):03}"
    shared = f"{int(random.integers(0, PRODUCTS)):03}{'ab'[int(random.integers(0, 2))]}"
    price = float(1_000 * (writer + 1) + number)
    photo, seed = f"{DATASET}photos/{own}.jpg", 1_000 * (writer + 1) + number
    if kind == "add":
        return Step([_upsert(own, photo, price)], {photo: seed})
    if kind == "broken":  # of an item that exists, with a change after it that must not be lost
        update = Update(image_id=shared, set=NewValues(price=price))
        return Step([_upsert(shared, photo, price), update], {photo: None})
    if kind == "unknown":
        return Step([_upsert(own, photo, price, _UNKNOWN)], {photo: seed})
    image_id = earlier if "own" in kind else shared
    if kind.startswith("remove"):
        return Step([Remove(image_id=image_id)], {})
    return Step([Update(image_id=image_id, set=NewValues(price=price))], {})


def _upsert(image_id: str, photo: str, price: float, category: str = CATEGORIES[0]) -> Upsert:
    fields = {"image_id": image_id, "product_id": f"product-{image_id}", "category": category, "photo": photo}
    return Upsert(item=Item(**fields, title=f"Listing {image_id}", price=price))
