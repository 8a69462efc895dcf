"""Changes as they are dropped: new photos, new prices, removals. Each kind takes rows of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.inputs.photos import SMALL, make_photo
from lambda_app.catalogue.changes import Change, Item, NewValues, Remove, Update, Upsert, write_change
from lambda_app.store.contract import Store

NEW = "datasets/bench/new/"
_DISTINCT = 8  # photos that are drawn; each is stored under many keys


@dataclass(frozen=True)
class Sizes:
    """How many changes of each kind."""

    photos: int = 1_000
    prices: int = 10_000
    removals: int = 1_000


def store_photos(store: Store, count: int, size: tuple[int, int] = SMALL) -> int:
    """Put the photos of new items into a store; their bytes on average."""
    photos = [make_photo(size, seed) for seed in range(min(_DISTINCT, count))]
    for number in range(count):
        store.write(_photo(number), photos[number % len(photos)])
    return sum(map(len, photos)) // len(photos)


def additions(count: int, categories: Sequence[str], first: int = 0) -> bytes:
    """New items with photos that the store has."""
    numbers = range(first, first + count)
    return _lines(Upsert(item=_item(number, categories[number % len(categories)])) for number in numbers)


def prices(count: int, first: int = 0) -> bytes:
    """A new price for each of the items from row `first` on."""
    rows = range(first, first + count)
    return _lines(Update(image_id=f"image-{row:08}", set=NewValues(price=1_000.0 + row)) for row in rows)


def removals(count: int, first: int) -> bytes:
    """Remove the items from row `first` on."""
    return _lines(Remove(image_id=f"image-{row:08}") for row in range(first, first + count))


def _item(number: int, category: str) -> Item:
    return Item(
        image_id=f"new-{number:06}",
        product_id=f"new-product-{number:06}",
        category=category,
        title=f"A new listing with a title of the usual length, number {number}",
        price=float(number % 500),
        location="Hackney, London",
        photo=_photo(number),
    )


def _photo(number: int) -> str:
    return f"{NEW}{number:06}.jpg"


def _lines(changes: Iterable[Change]) -> bytes:
    return "".join(f"{write_change(change)}\n" for change in changes).encode()
