"""Small releases made of real parts: an ONNX network, a FAISS index, a SQLite catalog, photos.

The network averages a photo over a 4 x 4 grid and multiplies by seeded matrices: similar photos get similar
embeddings, and an answer takes a millisecond.
"""

import base64
import io
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from lambda_app.likeness.fingerprint import VERSION, fingerprint_of
from lambda_app.model.session import Model
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.photo.rules import Preprocessing
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.manifest import FileEntry, Manifest, Pointer, file_entry, release_id, sha256_of
from lambda_app.release.reference import Reference
from lambda_app.release.smoke import SmokeCase
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.reference import derived
from lambda_app.store.contract import OBJECTS, RELEASES, Store

CREATED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
DATASET = "datasets/sample/"
DIM = 16
SIZE = 32
CATEGORIES = (
    "Home & Garden",
    "Baby & Kids Stuff",
    "Clothes, Footwear & Accessories",
    "Other Goods",
    "Sports, Leisure & Travel",
    "DIY Tools & Materials",
    "Appliances",
    "Music, Films, Books & Games",
    "Computers & Software",
    "Phones, Mobile Phones & Telecoms",
    "Health & Beauty",
    "Office Furniture & Equipment",
    "Video Games & Consoles",
)


def build_release(
    folder: Path,
    *,
    seed: int = 0,
    created_at: datetime = CREATED_AT,
    accuracy: float = 0.9,
    categories: tuple[str, ...] = CATEGORIES,
    products: int = 20,
    referenced: bool = False,
    printed: bool = False,
    **overrides: Any,
) -> Manifest:
    """Write model.onnx, index.faiss, catalog.sqlite, manifest.json and photos/ into `folder`.

    Each product has two photos, `<product>a` and `<product>b`, of category `product % len(categories)` and price
    10, 20, ...; the last but one has no price. `referenced`: the manifest has a reference, with the first photos of the
    products as held-out photos and as centroids. `printed`: photos have fingerprints. `overrides`
    replace fields of the manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_network(folder / "model.onnx", classes=len(categories), seed=seed)
    photos = write_photos(folder / "photos", products, seed)
    embeddings = embed(folder / "model.onnx", list(photos.values()))
    write_index(folder / "index.faiss", embeddings)
    items = [_item(image_id, row // 2, products, categories) for row, image_id in enumerate(photos)]
    prints = [fingerprint_of(Image.open(io.BytesIO(photo)).convert("RGB")) for photo in photos.values()]
    write_catalog(folder / "catalog.sqlite", items, prints if printed else None)
    fields = {
        "created_at": created_at,
        "categories": categories,
        "preprocessing": Preprocessing(size=SIZE),
        "model": {**file_entry(folder / "model.onnx"), "embedding_dim": DIM, "opset": 17},
        "index": {**file_entry(folder / "index.faiss"), "count": len(items)},
        "catalog": {**file_entry(folder / "catalog.sqlite"), "count": len(items)},
        "evaluation": {"test": {"n": 100, "accuracy": accuracy, "retrieval": {"embedding": {"recall@4": accuracy}}}},
        **({"same_photo": {"version": VERSION, "threshold": 0.2}} if printed else {}),
        **overrides,
    }
    entries = [FileEntry(**file_entry(folder / name)) for name in ("model.onnx", "index.faiss", "catalog.sqlite")]
    manifest = Manifest.model_validate({"release": release_id(created_at, entries), **fields})
    if referenced:
        manifest = manifest.model_copy(update={"reference": reference(folder, manifest, list(photos))})
    if "smoke" not in overrides:
        manifest = manifest.model_copy(update={"smoke": smoke_cases(folder, manifest, photos)})
    (folder / "manifest.json").write_bytes(manifest.to_json())
    return manifest


def publish_directly(store: Store, folder: Path, manifest: Manifest, *, previous: str | None = None) -> Pointer:
    """Put a built release and its photos into the store and move the pointer, without the checks of a promotion."""
    for entry in manifest.files():
        store.upload(OBJECTS + entry.sha256, folder / entry.file)
    store.upload(f"{RELEASES}{manifest.release}/manifest.json", folder / "manifest.json")
    for photo in (folder / "photos").iterdir():
        store.upload(f"{DATASET}photos/{photo.name}", photo)
    pointer = Pointer(
        release=manifest.release,
        manifest_sha256=sha256_of(folder / "manifest.json"),
        previous=previous,
        promoted_at=manifest.created_at,
        high_water=manifest.created_at,
    )
    move_pointer(store, pointer)
    return pointer


def move_pointer(store: Store, pointer: Pointer) -> None:
    """Move the pointer, whatever its present version."""
    current = store.read_pointer() if store.exists("live.json") else None
    store.write_pointer(pointer, current.version if current else None)


def write_network(path: Path, *, classes: int, seed: int = 0, dim: int = DIM, size: int = SIZE) -> None:
    """A network of random weights: images -> 4 x 4 grid means -> embedding (L2-normalised) and logits."""
    random = np.random.default_rng(seed)
    weights = {
        "to_embedding": random.normal(size=(48, dim)).astype(np.float32),
        "to_logits": random.normal(size=(dim, classes)).astype(np.float32) * 4,
    }
    side = size // 4
    nodes = [
        helper.make_node("AveragePool", ["images"], ["grid"], kernel_shape=[side, side], strides=[side, side]),
        helper.make_node("Flatten", ["grid"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "to_embedding"], ["projected"]),
        helper.make_node("LpNormalization", ["projected"], ["embedding"], axis=1, p=2),
        helper.make_node("MatMul", ["embedding", "to_logits"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, size, size])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dim]),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def write_photos(folder: Path, products: int, seed: int = 0) -> dict[str, bytes]:
    """Two JPEGs per product, by image id: blocks of the product's colours, the second photo with noise."""
    folder.mkdir(exist_ok=True)
    photos = {}
    for product in range(products):
        random = np.random.default_rng((seed, product))
        blocks = random.integers(0, 256, (4, 4, 3)).repeat(16, axis=0).repeat(16, axis=1)
        for image_id, noise in ((f"{product:03}a", 0), (f"{product:03}b", 25)):
            pixels = (blocks + random.normal(0, noise, blocks.shape)).clip(0, 255).astype(np.uint8)
            photos[image_id] = encode(Image.fromarray(pixels))
            (folder / f"{image_id}.jpg").write_bytes(photos[image_id])
    return photos


def encode(photo: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """A photo encoded as the bytes of a file."""
    buffer = io.BytesIO()
    photo.save(buffer, kind, **options)
    return buffer.getvalue()


def embed(network: Path, photos: list[bytes]) -> np.ndarray:
    """The embeddings, float32 (n, d), computed by the serving code."""
    settings = Preprocessing(size=SIZE)
    pixels = np.stack([load_rgb(photo, settings) for photo in photos])
    return Model(network, threads=1).run(normalise(pixels, settings)).embedding


def write_index(path: Path, embeddings: np.ndarray) -> None:
    """A flat index."""
    index = faiss.IndexFlatIP(embeddings.shape[1])
    index.add(embeddings)
    faiss.write_index(index, str(path))


def reference(folder: Path, manifest: Manifest, image_ids: list[str]) -> Reference | None:
    """A reference with the first photo of each product; the first eight of them are the centroids."""
    index, catalog = VectorIndex(folder / "index.faiss", manifest.index), Catalog(folder / "catalog.sqlite")
    with closing(catalog):
        held_out = [(image_id, row % len(manifest.categories)) for row, image_id in enumerate(image_ids[::2])]
        centroids = np.stack([index.vector(2 * row) for row in range(8)])
        return derived(index, catalog, held_out, centroids)


def smoke_cases(folder: Path, manifest: Manifest, photos: dict[str, bytes]) -> tuple[SmokeCase, ...]:
    """Five smoke cases, each with a catalog photo that is its own nearest neighbour."""
    cases = []
    model = Model(folder / manifest.model.file, threads=1)
    for image_id in list(photos)[::8][:5]:
        photo = photos[image_id]
        pixels = load_rgb(photo, manifest.preprocessing)[np.newaxis]
        output = model.run(normalise(pixels, manifest.preprocessing))
        logits = output.logits[0]
        odds = np.exp(logits - logits.max())
        best, second = np.sort(odds / odds.sum())[::-1][:2]
        case = SmokeCase(
            photo=base64.b64encode(photo).decode(),
            category=manifest.categories[int(logits.argmax())],
            margin=float(best - second),
            neighbour=image_id,
            score=1.0,
        )
        cases.append(case.expecting(output.embedding[0], manifest.model.precision))
    return tuple(cases)


def _item(image_id: str, product: int, products: int, categories: tuple[str, ...]) -> CatalogItem:
    return CatalogItem(
        image_id=image_id,
        product_id=f"product-{product:03}",
        category=categories[product % len(categories)],
        title=f"Listing {product}",
        price=None if product == products - 2 else 10.0 * (product + 1),
        location="London",
        photo=f"{DATASET}photos/{image_id}.jpg",
        description="Solid oak, hardly used" if product % 2 else None,
    )
