"""The release for measuring speed: an untrained ResNet50 at 224 and 10,000 items, made once and kept.

The speed of a network does not depend on its weights. The same code as for a real release makes every file; only the
vectors are synthetic (see `benchmarks.inputs.synthetic`), because embedding 10,000 photos would take ten minutes. A
subfolder holds the same network and items in the format of the baseline.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.inputs.synthetic import SyntheticCatalogue
from lambda_app.promotion.stored import manifest_key
from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.manifest import (
    MANIFEST,
    CatalogEntry,
    Manifest,
    Pointer,
    file_entry,
    read_manifest,
    release_id,
    sha256_of,
)
from lambda_app.search.building.choice import build_index
from lambda_app.store.contract import OBJECTS, Store
from sample.generate import generate
from training.dataset import Dataset
from training.export.settings import ExportSettings
from training.fit.settings import FitSettings
from training.network.weights import load_weights
from training.pipeline.work_folder import WorkFolder
from training.prepare.settings import PrepareSettings
from training.settings.train_settings import TrainSettings
from training.train import train

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "bench"
ITEMS = 10_000
BACKBONE, SIZE = "resnet50", 224
PHOTOS = 240  # photos of the sample catalogue: enough to calibrate int8 and to fill every category
_MARK = "made-by"
_MAKERS = (
    "training/network/embedding_net.py",
    *(f"training/export/{name}.py" for name in ("onnx_file", "quantise", "stage")),
    "training/index/stage.py",
    *(f"lambda_app/search/building/{name}.py" for name in ("choice", "inverted")),
    "training/pack/stage.py",
    *(f"lambda_app/release/{name}.py" for name in ("catalog", "manifest")),
    *(f"benchmarks/inputs/{name}.py" for name in ("bench_release", "synthetic")),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchRelease:
    """The files of the release.

    Attributes:
        folder: model.onnx (int8), float32.onnx, index.faiss, catalog.sqlite, manifest.json.
    """

    folder: Path

    @property
    def manifest(self) -> Manifest:
        """The manifest of the release."""
        return read_manifest((self.folder / MANIFEST).read_bytes())

    @property
    def float32(self) -> Path:
        """The ONNX file of the float32 network."""
        return self.folder / "float32.onnx"

    @property
    def baseline(self) -> Path:
        """The baseline's folder, with the same network: weights.pt, index.faiss, labels.json."""
        return self.folder / "baseline"


def bench_release(
    folder: Path = VAR / "release",
    *,
    items: int = ITEMS,
    photos: int = PHOTOS,
    backbone: str = BACKBONE,
    size: int = SIZE,
) -> BenchRelease:
    """The release. It is made again if the code that makes it has changed, which takes two minutes on two cores."""
    found, mark = BenchRelease(folder), made_by()
    if not (folder / _MARK).exists() or (folder / _MARK).read_text() != mark:
        log.info("making the release for the benchmarks: %s at %d, %d items", backbone, size, items)
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _make(partial, items, photos, backbone, size)
        (partial / _MARK).write_text(mark)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return found


def put(store: Store, folder: Path, manifest: Manifest) -> Pointer:
    """Upload a release's serving files to a store; the pointer that would make it live."""
    for entry in manifest.serving_files():
        if not store.exists(OBJECTS + entry.sha256):
            store.upload(OBJECTS + entry.sha256, folder / entry.file)
    store.upload(manifest_key(manifest.release), folder / MANIFEST)
    return Pointer(
        release=manifest.release,
        manifest_sha256=sha256_of(folder / MANIFEST),
        promoted_at=manifest.created_at,
        high_water=manifest.created_at,
    )


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Update the manifest for the files in the folder, with a new release id, and write it."""
    renewed = {
        "model": manifest.model.model_copy(update=file_entry(folder / manifest.model.file)),
        "index": manifest.index.model_copy(update=file_entry(folder / manifest.index.file)),
        "catalog": manifest.catalog.model_copy(update=file_entry(folder / manifest.catalog.file)),
    }
    created = datetime.now(UTC).replace(microsecond=0)
    renewed_manifest = manifest.model_copy(
        update={**renewed, "created_at": created, "release": release_id(created, list(renewed.values()))}
    )
    (folder / MANIFEST).write_bytes(renewed_manifest.to_json())
    return renewed_manifest


def made_by(*more: str) -> str:
    """Hex digest of the code that determines the content of the files; `more`: further modules, as paths."""
    return hashlib.sha256("".join(sha256_of(ROOT / name) for name in (*_MAKERS, *more)).encode()).hexdigest()


def _make(folder: Path, items: int, photos: int, backbone: str, size: int) -> None:
    work = WorkFolder(folder / "work")
    catalogue = folder / "catalogue"
    generate(catalogue, photos=photos)
    settings = TrainSettings(
        prepare=PrepareSettings(size=size),
        fit=FitSettings(backbone=backbone, weights="none", epochs=0),
        export=ExportSettings(precision="int8"),
    )
    made = train(catalogue, work, settings)
    shutil.copyfile(work.model, folder / made.model.file)
    shutil.copyfile(work.float32, folder / "float32.onnx")
    vectors = np.concatenate(list(SyntheticCatalogue(items).blocks()))
    index = build_index(vectors, "auto", folder / made.index.file, seed=0)
    write_catalog(folder / made.catalog.file, bench_items(items, made.categories), _fingerprints(work, items))
    catalog = CatalogEntry(**file_entry(folder / made.catalog.file), count=items)
    if backbone.startswith("resnet"):  # the baseline is a torchvision model with one head
        _make_baseline(folder / "baseline", work, items)
    shutil.rmtree(work.root)
    shutil.rmtree(catalogue)
    # The smoke cases belong to the sample catalogue, whose vectors are no longer in the index.
    parts = {"index": index, "catalog": catalog, "weights": None, "smoke": ()}
    write_manifest(folder, made.model_copy(update=parts))


def _fingerprints(work: WorkFolder, items: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Those of the sample's photos, drawn at random: the same photo is looked for as in a real release."""
    known = Dataset.open(work.dataset).fingerprints()
    if known is None:
        raise ValueError(f"{work.dataset} has no fingerprints")
    yield from known[np.random.default_rng(0).integers(0, len(known), items)]


def _make_baseline(folder: Path, work: WorkFolder, items: int) -> None:
    """Write the network as a torchvision model with one head, and random logits in an `IndexFlatL2`."""
    folder.mkdir()
    network, categories = load_weights(work.weights)
    state = dict(network.backbone.state_dict())
    head = network.dropped[0]  # what torchvision calls its classifier, such as "fc."
    state |= {f"{head}{name}": value for name, value in network.classifier.state_dict().items()}
    torch.save(state, folder / "weights.pt")
    index = faiss.IndexFlatL2(len(categories))
    index.add(np.random.default_rng(0).normal(size=(items, len(categories))).astype(np.float32))
    faiss.write_index(index, str(folder / "index.faiss"))
    labels = {"backbone": network.name, "categories": categories, "images": [_image_id(row) for row in range(items)]}
    (folder / "labels.json").write_text(json.dumps(labels))


def bench_items(count: int, categories: tuple[str, ...]) -> Iterator[CatalogItem]:
    """Items of the usual length, two photos a product."""
    for row in range(count):
        product = row // 2
        yield CatalogItem(
            image_id=_image_id(row),
            product_id=f"product-{product:07}",
            category=categories[product % len(categories)],
            title=f"A listing with a title of the usual length, number {product}",
            price=float(product % 500),
            location="Hackney, London",
            photo=f"datasets/bench/photos/{_image_id(row)}.jpg",
        )


def _image_id(row: int) -> str:
    return f"image-{row:08}"
