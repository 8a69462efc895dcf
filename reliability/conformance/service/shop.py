"""A small generated catalogue for the suite, made so that each case has something to decide."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.likeness.fingerprint import VERSION, fingerprint_of
from lambda_app.likeness.table import Fingerprint
from lambda_app.photo.rules import Preprocessing
from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.manifest import FileEntry, Manifest, file_entry, release_id
from lambda_app.search.building.choice import build_index
from lambda_app.search.vectors import unit
from tests.releases import CREATED_AT, DATASET, DIM, SIZE, embed, encode, write_network

CATEGORIES = ("Sofas", "Lamps", "Tables", "Bicycles", "Shoes")
# Photos a product: a few products fill the first hundred places, many have one photo. One has rows below and above 100,
# where an engine that reads windows of rows may begin another.
_PHOTOS = [20] * 4 + [3] + [20] * 2 + [4] * 50 + [1] * 400
PHOTOS = sum(_PHOTOS)
_PRICES = [None, 5.0, 10.0, 10.01, 19.99, 20.0, 50.0, 99.5, 100.0, 2500.0]
_COLOURS = ["crimson", "azure", "emerald", "ivory"]
# The first items have real photos, so their vectors are the network's.
REAL_PHOTOS = 6
# These items have one and the same vector.
TWINS = range(400, 408)
SAME_PHOTO = 0.2
CATEGORY_WEIGHT = 0.3


@dataclass(frozen=True, eq=False)
class Shop:
    """A catalogue and its release.

    Attributes:
        vectors: float32 (n, d), L2-normalised.
        prints: the fingerprints of the photos, uint8 (n, 197).
        photos: the first photos, by image id.
        folder: has the files of the release.
    """

    items: list[CatalogItem]
    vectors: npt.NDArray[np.float32]
    prints: npt.NDArray[np.uint8]
    photos: dict[str, bytes]
    folder: Path
    manifest: Manifest

    def row(self, image_id: str) -> int:
        """The row of an item."""
        return next(row for row, item in enumerate(self.items) if item.image_id == image_id)

    def stored(self) -> Iterator[tuple[int, CatalogItem, npt.NDArray[np.float32], Fingerprint]]:
        """Row, item, vector and fingerprint of every item."""
        yield from zip(range(len(self.items)), self.items, self.vectors, self.prints, strict=True)


def build_shop(folder: Path, *, index: str = "flat", seed: int = 0) -> Shop:
    """Make the catalogue, and write its release to a folder.

    Args:
        folder: where; made if it does not exist.
        index: the kind of the FAISS index.
        seed: of everything. Another seed gives another network, so another name of the index of S3 Vectors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    write_network(folder / "model.onnx", classes=len(CATEGORIES), seed=seed)
    items = _items(random)
    photos = {item.image_id: _photo(random) for item in items[:REAL_PHOTOS]}
    vectors = _vectors(items, random)
    vectors[:REAL_PHOTOS] = embed(folder / "model.onnx", [*photos.values()])
    prints = np.stack([_fingerprint(photos.get(item.image_id) or _photo(random)) for item in items])
    write_catalog(folder / "catalog.sqlite", items, prints)
    (folder / "photos").mkdir(exist_ok=True)
    for image_id, photo in photos.items():
        (folder / "photos" / f"{image_id.replace('/', '-')}.jpg").write_bytes(photo)
    entry = build_index(vectors, index, folder / "index.faiss", seed=0)
    files = [FileEntry(**file_entry(folder / name)) for name in ("model.onnx", "index.faiss", "catalog.sqlite")]
    manifest = Manifest.model_validate(
        {
            "release": release_id(CREATED_AT, files),
            "created_at": CREATED_AT,
            "categories": CATEGORIES,
            "preprocessing": Preprocessing(size=SIZE),
            "model": {**file_entry(folder / "model.onnx"), "embedding_dim": DIM, "opset": 17},
            "index": entry,
            "catalog": {**file_entry(folder / "catalog.sqlite"), "count": len(items)},
            "evaluation": {"test": {"n": 100, "accuracy": 0.9, "retrieval": {"embedding": {"recall@4": 0.9}}}},
            "same_photo": {"version": VERSION, "threshold": SAME_PHOTO},
            "ranking": {"category_weight": CATEGORY_WEIGHT},
        }
    )
    (folder / "manifest.json").write_bytes(manifest.to_json())
    return Shop(items, vectors, prints, photos, folder, manifest)


def _items(random: np.random.Generator) -> list[CatalogItem]:
    items: list[CatalogItem] = []
    for product, photos in enumerate(_PHOTOS):
        category = CATEGORIES[product % len(CATEGORIES)]
        colour = _COLOURS[int(random.integers(len(_COLOURS)))]
        price = _PRICES[int(random.integers(len(_PRICES)))]
        for number in range(photos):
            row = len(items)
            items.append(
                CatalogItem(
                    # Ids with a slash, a blank and letters that are not ASCII.
                    image_id=f"shop/{product:03} é{number}",
                    product_id=f"product-{product:03}",
                    category=category,
                    title=None if row % 17 == 0 else f"{colour.title()} thing number{product}",
                    price=price,
                    location="Zürich" if product % 2 else None,
                    photo=f"{DATASET}photos/shop-{product:03} é{number}.jpg",
                    description="Hardly used, from a smoke-free home" if product % 3 == 0 else None,
                )
            )
    return items


def _vectors(items: list[CatalogItem], random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Photos of a product are near each other, and products of a category a little."""
    category = {name: random.normal(size=DIM) for name in CATEGORIES}
    product = {item.product_id: random.normal(size=DIM) for item in items}
    rows = [0.5 * category[item.category] + product[item.product_id] + 0.1 * random.normal(size=DIM) for item in items]
    vectors = np.array(unit(np.array(rows, np.float32)), np.float32)
    vectors[TWINS] = vectors[TWINS.start]
    return vectors


def _photo(random: np.random.Generator) -> bytes:
    blocks = random.integers(0, 256, (4, 4, 3)).repeat(16, axis=0).repeat(16, axis=1)
    return encode(Image.fromarray(blocks.astype(np.uint8)))


def _fingerprint(photo: bytes) -> Fingerprint:
    return fingerprint_of(Image.open(io.BytesIO(photo)).convert("RGB"))
