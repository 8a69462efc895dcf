"""Which column of a table holds which field, by the headers that shops, marketplaces and ad feeds use."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Literal

from training.prepare.intake.fields.text import text_or_none

# One table of products and photos; or one of products, and one of photos.
Role = Literal["listings", "products", "images"]

_PHOTOS: tuple[str, ...] = (
    "image", "images", "image link", "image src", "image url", "image urls", "picurl", "picture", "pictures",
    "picture url", "photo", "photos", "photo url", "main image", "main image url", "base image", "featured image",
    "item photo url", "file name", "file", "file path", "image file", "image file name", "image name", "image path",
    "additional image", "additional images", "additional image link", "additional image links",
    "additional image url", "additional image urls", "gallery images", "other image url",
    "product image url",
)  # fmt: skip
_IDS = (
    "id", "product id", "handle", "url handle", "sku", "product sku", "item id", "listing id", "product code",
    "item number", "variant sku", "seller sku", "offer id", "retailer id", "url key", "asin", "item group id",
    "custom label", "item sku",
)  # fmt: skip
# The headers of each field. If a table has several, the first one counts that has values; for photos, all count.
HEADERS: dict[str, tuple[str, ...]] = {
    "id": _IDS,
    "title": (
        "product name", "title", "name", "product title", "item name", "item title", "listing title",
    ),
    "category": (
        "category", "categories", "google product category", "product category", "product categories",
        "product type", "type", "category name", "category path", "item category", "main category",
        "fb product category", "item type", "item type keyword", "label", "class",
    ),
    "price": (
        "price", "variant price", "regular price", "current price", "list price", "item price", "unit price",
        "buy it now price", "start price", "standard price", "sale price",
    ),
    "location": ("location", "item location", "city", "town", "place", "region"),
    "description": (
        "description", "product description", "item description", "listing description", "body html", "body",
        "long description", "full description", "html description", "rich text description", "short description",
        "summary",
    ),
    "currency": ("currency", "currency code", "price currency"),
    "image": _PHOTOS,
}  # fmt: skip
_OF_IMAGES: dict[str, tuple[str, ...]] = {
    "image_id": ("image id", "id", "photo id", "picture id"),
    "product_id": (
        "product id", "product", "handle", "sku", "product sku", "item id", "listing id", "parent id", "parent",
        "variant sku", "item group id", "id",
    ),
    "image": _PHOTOS,
}  # fmt: skip
_OF_LISTINGS: dict[str, tuple[str, ...]] = HEADERS | {
    # A row per photo names both: its own id, and that of the product.
    "id": ("product id", *_IDS),
    "image_id": ("image id", "photo id", "picture id"),
}
BY_ROLE: Mapping[Role, Mapping[str, tuple[str, ...]]] = {
    "listings": _OF_LISTINGS,
    "products": HEADERS,
    "images": _OF_IMAGES,
}
# WooCommerce separates several categories with commas. These columns tell its exports from others.
_WOOCOMMERCE = ("regular price", "tax status", "visibility in catalog", "in stock?")
SAMPLE = 1_000


@lru_cache(maxsize=10_000)
def key_of(header: str) -> str:
    """What is compared of a header: letters and digits in lower case. "Image_Src", "image src", "IMAGE-SRC" are equal.

    Left out: the words of Meta's template ("# Required | id"), a namespace ("g:id"), what stands in brackets
    ("Price (EUR)").
    """
    text = unicodedata.normalize("NFKC", header).casefold()
    text = re.sub(r"^#?\s*(?:required|optional|recommended)\s*\|", "", text)
    text = re.sub(r"^\s*g:", "", text)
    bare = re.sub(r"[(\[{][^)\]}]*[)\]}]", "", text)
    return re.sub(r"[\W_]+", "", bare) or re.sub(r"[\W_]+", "", text)


_PHOTO_KEYS = frozenset(map(key_of, _PHOTOS))


@dataclass(frozen=True)
class Columns:
    """Which columns hold which fields.

    Attributes:
        places: places of the columns by field; several for photos only.
        headers: the header of each column.
        shown: places of `places` that have values in the first records.
        category_lists: whether a category cell is a list with commas.
    """

    places: Mapping[str, tuple[int, ...]]
    headers: Sequence[str]
    shown: frozenset[int]
    category_lists: bool = False

    def __contains__(self, field: str) -> bool:
        return field in self.places

    def place(self, field: str) -> int | None:
        """The place of a field's column; None if the table lacks it."""
        return self.places[field][0] if field in self.places else None

    def lines(self) -> Iterable[str]:
        """Field by field the headers that were taken, then the headers that are ignored."""
        for field, places in self.places.items():
            named = [repr(self.headers[place]) for place in places if place in self.shown or len(places) == 1]
            yield f"{field:<10} {', '.join(named) or repr(self.headers[places[0]])}"
        absent = [field for field in ("title", "price", "location", "description") if field not in self]
        if absent and "category" in self:
            yield f"no column for {', '.join(absent)}"
        taken = {place for places in self.places.values() for place in places}
        others = [name for place, name in enumerate(self.headers) if place not in taken and name.strip()]
        if others:
            more = f" and {len(others) - 20} more" if len(others) > 20 else ""
            yield f"ignored    {', '.join(map(repr, others[:20]))}{more}"


def score(cells: Sequence[str]) -> int:
    """How many different fields of a listing a row names, if it is a header."""
    return len({field for cell in cells if len(cell) <= 100 for field in _fields_of(key_of(cell))})


def names_photos(header: str) -> bool:
    """Whether a header is one of the known names of photo columns, such as "Image Src" or "image 2"."""
    key = key_of(header)
    return bool({key, key.rstrip("0123456789")} & _PHOTO_KEYS)


def scorer(asked: Mapping[str, tuple[str, ...]]) -> Callable[[Sequence[str]], int]:
    """`score`, where headers that the user names count too."""
    extra = {key_of(header) for headers in asked.values() for header in headers}
    return lambda cells: score(cells) + sum(key_of(cell) in extra for cell in cells if len(cell) <= 100)


def columns_of(
    role: Role, headers: Sequence[str], sample: Iterable[Sequence[str]], asked: Mapping[str, tuple[str, ...]]
) -> Columns:
    """Decide which column holds which field.

    Args:
        sample: the first records. A column without any value in them is passed over if another one has the field, and
            so is a column of categories that are all numbers.
        asked: headers by field, as the user named them; those that the table lacks are left out.
    """
    keys = [key_of(header) for header in headers]
    filled, words = _filled(islice(sample, SAMPLE), len(headers))
    places: dict[str, tuple[int, ...]] = {}
    taken: set[int] = set()
    for field, names in BY_ROLE[role].items():
        found = _asked(field, role, headers, keys, asked)
        if not found:
            found = [place for name in names for place in _having(key_of(name), keys, field) if place not in taken]
            if field != "image" and found:
                good = [place for place in found if place in (words if field == "category" else filled)]
                good = good or [place for place in found if place in filled]
                found = (good or found)[:1]
        if found:
            places[field] = tuple(found if field != "image" else sorted(dict.fromkeys(found)))
            taken.update(found)
    if role == "listings" and "id" in places and "image_id" not in places:
        _take_image_id(places, keys)
    woocommerce = any(key_of(name) in keys for name in _WOOCOMMERCE) and "images" in keys
    category = places.get("category", (-1,))[0]
    lists = woocommerce and category >= 0 and keys[category] == "categories"
    return Columns(places, headers, frozenset(filled), lists)


def _take_image_id(places: dict[str, tuple[int, ...]], keys: Sequence[str]) -> None:
    """In a table with "product id" and "id", the latter is that of the photo."""
    if keys[places["id"][0]] == "productid" and "id" in keys:
        places["image_id"] = (keys.index("id"),)


def _asked(
    field: str, role: Role, headers: Sequence[str], keys: Sequence[str], asked: Mapping[str, tuple[str, ...]]
) -> list[int]:
    """The places of the headers that the user named for a field: equal ones, else those that compare as equal."""
    names = asked.get(field, ())
    if field == "id" and role == "listings" and not names:
        names = asked.get("product_id", ())
    found = []
    for name in names:
        if name in headers:
            found.append(headers.index(name))
        elif key_of(name) in keys:
            found.append(keys.index(key_of(name)))
    return found


def _having(name: str, keys: Sequence[str], field: str) -> list[int]:
    """The places of the columns with this name; for photos also those with a number after it ("image 2")."""
    if field == "image":
        return [place for place, key in enumerate(keys) if key == name or (key and key.rstrip("0123456789") == name)]
    return [keys.index(name)] if name in keys else []


def _filled(sample: Iterable[Sequence[str]], width: int) -> tuple[set[int], set[int]]:
    """The columns that have a value in the sample, and those with one that is more than a number."""
    filled: set[int] = set()
    words: set[int] = set()
    for cells in sample:
        for place in range(width):
            if place not in words and (text := text_or_none(cells[place])) is not None:
                filled.add(place)
                if not re.fullmatch(r"[\d\s.,]+", text):
                    words.add(place)
        if len(words) == width:
            break
    return filled, words


@lru_cache(maxsize=10_000)
def _fields_of(key: str) -> frozenset[str]:
    known = {key, key.rstrip("0123456789")} - {""}
    return frozenset(
        field for field, names in (HEADERS | _OF_IMAGES).items() if known & {key_of(name) for name in names}
    )
