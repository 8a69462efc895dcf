"""Releases that can be told apart: every part of release n differs from the same part of all others.

The network has other weights, the rows stand in another order, and each item names its release in its title, product
and price. So an answer with the embedding of one release and the items of another is wrong in at least one field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.model.session import Model
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.photo.rules import Preprocessing
from lambda_app.release.archive import write_archive
from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.manifest import FileEntry, Manifest, file_entry, release_id
from tests.releases import CATEGORIES, DATASET, DIM, SIZE, smoke_cases, write_index, write_network, write_photos

PRODUCTS = 12
_PREPROCESSING = Preprocessing(size=SIZE)


@dataclass(frozen=True)
class Numbered:
    """What release n answers.

    Attributes:
        manifest: its manifest.
        embeddings: by image id, float32 (d,) of the photo with that id, which is also its row of the index.
        categories: by image id, the category predicted for the photo.
        items: by image id.
        order: image ids by row.
    """

    number: int
    manifest: Manifest
    embeddings: Mapping[str, npt.NDArray[np.float32]]
    categories: Mapping[str, str]
    items: Mapping[str, CatalogItem]
    order: tuple[str, ...] = field(default=())

    def score(self, first: str, second: str) -> float:
        """The cosine of two photos in this release."""
        return float(self.embeddings[first] @ self.embeddings[second])


class Maker:
    """Makes numbered releases of the same photos. The photos are decoded once.

    Attributes:
        photos: by image id.
        folder: the files of the release that was made last.
    """

    def __init__(self, folder: Path, begin: datetime) -> None:
        """Draw the photos; `begin` is when release 0 was created, and each next one a second later."""
        folder.mkdir(parents=True, exist_ok=True)
        self.photos = write_photos(folder / "photos", PRODUCTS)
        self.folder = folder / "release"
        self._archives, self._begin = folder, begin
        pixels = np.stack([load_rgb(photo, _PREPROCESSING) for photo in self.photos.values()])
        self._images = normalise(pixels, _PREPROCESSING)

    def make(self, number: int) -> tuple[Path, Numbered]:
        """The archive of release `number`, and what it answers. The archive of the one before is replaced."""
        folder = self.folder
        folder.mkdir(exist_ok=True)
        write_network(folder / "model.onnx", classes=len(CATEGORIES), seed=number)
        output = Model(folder / "model.onnx", threads=1).run(self._images)
        ids = list(self.photos)
        rows = np.random.default_rng(number).permutation(len(ids))
        order = [ids[row] for row in rows]
        write_index(folder / "index.faiss", output.embedding[rows])
        items = [_item(image_id, number) for image_id in order]
        (folder / "catalog.sqlite").unlink(missing_ok=True)
        write_catalog(folder / "catalog.sqlite", items)
        manifest = self._manifest(folder, number)
        (folder / "manifest.json").write_bytes(manifest.to_json())
        answers = Numbered(
            number,
            manifest,
            dict(zip(ids, output.embedding, strict=True)),
            {image_id: CATEGORIES[int(best)] for image_id, best in zip(ids, output.logits.argmax(1), strict=True)},
            {item.image_id: item for item in items},
            tuple(order),
        )
        return write_archive(self._archives / f"release-{number:04}.tar", manifest, folder), answers

    def _manifest(self, folder: Path, number: int) -> Manifest:
        created_at = self._begin + timedelta(seconds=number)
        files = {name: file_entry(folder / name) for name in ("model.onnx", "index.faiss", "catalog.sqlite")}
        count = len(self.photos)
        manifest = Manifest.model_validate(
            {
                "release": release_id(created_at, [FileEntry(**entry) for entry in files.values()]),
                "created_at": created_at,
                "categories": CATEGORIES,
                "preprocessing": _PREPROCESSING,
                "model": {**files["model.onnx"], "embedding_dim": DIM, "opset": 17},
                "index": {**files["index.faiss"], "count": count},
                "catalog": {**files["catalog.sqlite"], "count": count},
                "evaluation": {"test": {"n": 100, "accuracy": 0.9, "retrieval": {"embedding": {"recall@4": 0.9}}}},
            }
        )
        return manifest.model_copy(update={"smoke": smoke_cases(folder, manifest, self.photos)})


def _item(image_id: str, number: int) -> CatalogItem:
    product = int(image_id[:-1])
    return CatalogItem(
        image_id=image_id,
        product_id=f"product-{product:03}-of-release-{number}",
        category=CATEGORIES[product % len(CATEGORIES)],
        title=f"Listing {product} of release {number}",
        price=1000.0 * (number + 1) + product,
        location="London",
        photo=f"{DATASET}photos/{image_id}.jpg",
    )
