"""How a catalogue is stored in an index of Amazon S3 Vectors: names, keys and metadata.

One index holds the vectors of one model. An item is a vector: its key is the image id, its metadata are the fields of
the item. Filters read `row`, `product_id`, `category` and `price`; the other fields cannot be filtered.
"""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lambda_app.errors import ReleaseError
from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.photo_key import is_photo_key

# Limits of the service (API 2025-07-15).
MOST_PUT = MOST_DELETED = 500
MOST_GOT = 100
MOST_LISTED = 1_000
MOST_RESULTS = 10_000  # of one query, over all its pages
MOST_KEY_CHARACTERS = 1_024
MOST_FILTERABLE_BYTES = 2_048
MOST_METADATA_BYTES = 40_960
MOST_WRITTEN_PER_SECOND = 2_500  # vectors put and deleted, in one index

NON_FILTERABLE = ("title", "location", "photo", "description", "fingerprint")
SEARCHED_TEXTS = ("title", "category", "description")
# Texts are cut so that all of them fit. A description takes the place that the other fields leave, at most.
_MOST_DESCRIPTION_BYTES, _MOST_TEXT_BYTES = 30_000, 2_000
_MOST_PHOTO_BYTES = 4_096
# What product id and category may have together: the names and the numbers take the rest.
_MOST_FILTERED_BYTES = MOST_FILTERABLE_BYTES - 100
_TEXTS, _MAYBE_TEXTS = ("product_id", "category", "photo"), ("title", "location", "description")
_MOST_ROW = 2**53  # numbers in JSON are exact up to here


def index_name(model_sha256: str) -> str:
    """The name of the index that holds the vectors of a model: `items-` and 16 hex digits."""
    return f"items-{model_sha256[:16]}"


def index_settings(dim: int) -> dict[str, Any]:
    """The arguments of CreateIndex beside the names of bucket and index.

    Args:
        dim: of the vectors.
    """
    return {
        "dataType": "float32",
        "dimension": dim,
        "distanceMetric": "cosine",
        "metadataConfiguration": {
            "nonFilterableMetadataKeys": [*NON_FILTERABLE],
            "textSearchConfigurations": [{"metadataKey": key} for key in SEARCHED_TEXTS],
        },
    }


def metadata_of(row: int, item: CatalogItem, fingerprint: Fingerprint | None = None) -> dict[str, Any]:
    """The metadata of an item. Fields without a value are left out, so that a price bound never passes a missing price.

    Args:
        row: its number, which answers give as `similar_index`.
        item: with its description.
        fingerprint: of its photo, uint8 (197,).

    Raises:
        ReleaseError: the service would refuse it; the message names the item, the size and the limit.
    """
    if len(item.image_id) > MOST_KEY_CHARACTERS:
        raise ReleaseError(
            f"image id {item.image_id[:80]!r}... has {len(item.image_id)} characters; "
            f"S3 Vectors takes {MOST_KEY_CHARACTERS}"
        )
    filterable = {"row": row, "product_id": item.product_id, "category": item.category, "price": item.price}
    texts = {
        "title": _cut(item.title, _MOST_TEXT_BYTES),
        "location": _cut(item.location, _MOST_TEXT_BYTES),
        "photo": item.photo,
        "description": _cut(item.description, _MOST_DESCRIPTION_BYTES),
        "fingerprint": None if fingerprint is None else base64.b64encode(fingerprint.tobytes()).decode(),
    }
    metadata = {name: value for name, value in (filterable | texts).items() if value is not None}
    filtered, whole = sizes_of(metadata)
    _check(item, filtered, MOST_FILTERABLE_BYTES, "filterable metadata")
    _check(item, whole, MOST_METADATA_BYTES, "metadata")
    return metadata


def item_of(key: str, metadata: Mapping[str, Any]) -> tuple[int, CatalogItem]:
    """The row and the item of a vector's key and metadata.

    Raises:
        ReleaseError: they are not those of an item, so something else wrote this vector.
    """
    try:
        row, price = metadata["row"], metadata.get("price")
        if not _is_number(row) or not 0 <= row <= _MOST_ROW or row != int(row):
            raise ValueError(f"row {str(row)[:80]!r}")
        if price is not None and not (_is_number(price) and math.isfinite(price)):
            raise ValueError(f"price {str(price)[:80]!r}")
        texts: dict[str, Any] = {name: metadata[name] for name in _TEXTS}
        texts |= {name: metadata.get(name) for name in _MAYBE_TEXTS}
        for name, text in texts.items():
            if not isinstance(text, str) and (text is not None or name in _TEXTS):
                raise TypeError(f"{name} {str(text)[:80]!r}")
        if not is_photo_key(texts["photo"]):  # else an answer could lead to any object of the store
            raise ValueError(f"photo {texts['photo'][:80]!r}")
        return int(row), CatalogItem(image_id=key, price=None if price is None else float(price), **texts)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise ReleaseError(f"vector {key[:80]!r} is not an item of a catalogue: {exc!r}") from exc


def fits(image_id: str, product_id: str, category: str, photo: str) -> bool:
    """Whether an index can hold an item with these texts, which are not cut."""
    filtered = text_bytes(product_id) + text_bytes(category)
    return (
        0 < len(image_id) <= MOST_KEY_CHARACTERS
        and filtered <= _MOST_FILTERED_BYTES
        and text_bytes(photo) <= _MOST_PHOTO_BYTES
    )


def sizes_of(metadata: Mapping[str, Any]) -> tuple[int, int]:
    """The bytes of filterable metadata, and of all metadata, as JSON in UTF-8.

    How the service counts them is not documented. It hardly counts more than that: names, quotes, commas and the
    backslashes before quotes and new lines are in it.
    """
    filterable = {name: value for name, value in metadata.items() if name not in NON_FILTERABLE}
    return _json_bytes(filterable), _json_bytes(metadata)


def text_bytes(text: str) -> int:
    """The bytes of a text in JSON, without the quotes around it."""
    return _json_bytes(text) - 2


def _json_bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def fingerprint_of(metadata: Mapping[str, Any]) -> Fingerprint | None:
    """The fingerprint of an item's photo, uint8 (197,); None if it was stored without one, or with something else."""
    try:
        found = np.frombuffer(base64.b64decode(metadata["fingerprint"], validate=True), np.uint8)
    except (KeyError, TypeError, ValueError):
        return None
    return found if len(found) == FINGERPRINT_BYTES else None


def _cut(text: str | None, most: int) -> str | None:
    """The beginning of a text that has at most so many bytes in JSON."""
    if text is None:
        return None
    text = text.encode()[:most].decode(errors="ignore")
    while (size := text_bytes(text)) > most:  # it has quotes or new lines
        text = text[: min(len(text) - 1, len(text) * most // size)]
    return text


def _check(item: CatalogItem, size: int, most: int, what: str) -> None:
    if size > most:
        raise ReleaseError(f"item {item.image_id[:80]!r} has {size} bytes of {what}; S3 Vectors takes {most}")
