"""The release that the changes begin with: the network of the other benchmarks, and as many items as wanted."""

import base64
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.inputs.bench_release import BenchRelease, bench_items, made_by, write_manifest
from benchmarks.inputs.photos import make_photo
from benchmarks.inputs.synthetic import SyntheticCatalogue
from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES
from lambda_app.likeness.table import Fingerprint
from lambda_app.model.session import Model
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.release.catalog import write_catalog
from lambda_app.release.manifest import CatalogEntry, IndexEntry, Manifest, file_entry
from lambda_app.release.smoke import SmokeCase
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex

_CASES = 5
_SIDE = 224  # pixels: training keeps the photos of its cases as the network sees them
_MARK = "made-by"

log = logging.getLogger(__name__)


def large_release(small: BenchRelease, items: int, folder: Path) -> BenchRelease:
    """A release with the network of another one, and other items. It is made again if the code has changed.

    Args:
        small: has the network.
        items: how many.
        folder: where to keep it.
    """
    mark = made_by("benchmarks/changes/base.py") + small.manifest.model.sha256
    if not (folder / _MARK).exists() or (folder / _MARK).read_text() != mark:
        log.info("making a release of %s items", f"{items:,}")
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _make(partial, small, items)
        (partial / _MARK).write_text(mark)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return BenchRelease(folder)


def _make(folder: Path, small: BenchRelease, items: int) -> None:
    manifest = small.manifest
    shutil.copyfile(small.folder / manifest.model.file, folder / manifest.model.file)
    vectors = folder / "vectors.npy"
    SyntheticCatalogue(items).write(vectors)
    index = build_index(np.load(vectors, mmap_mode="r"), "auto", folder / manifest.index.file, seed=0)
    vectors.unlink()
    write_catalog(folder / manifest.catalog.file, bench_items(items, manifest.categories), _fingerprints(items))
    catalog = CatalogEntry(**file_entry(folder / manifest.catalog.file), count=items)
    smoke = _smoke_cases(folder, manifest, index)
    write_manifest(folder, manifest.model_copy(update={"index": index, "catalog": catalog, "smoke": smoke}))


def _fingerprints(items: int) -> Iterator[Fingerprint]:
    random = np.random.default_rng(6)
    for _ in range(items):
        yield random.integers(0, 256, FINGERPRINT_BYTES, np.uint8)


def _smoke_cases(folder: Path, manifest: Manifest, entry: IndexEntry) -> tuple[SmokeCase, ...]:
    """Photos with what the network and the index answer, as training writes them."""
    model, index = Model(folder / manifest.model.file, threads=1), VectorIndex(folder / entry.file, entry)
    return tuple(
        _case(make_photo((_SIDE, _SIDE), seed=100 + number), model, index, manifest) for number in range(_CASES)
    )


def _case(photo: bytes, model: Model, index: VectorIndex, manifest: Manifest) -> SmokeCase:
    pixels: npt.NDArray[np.uint8] = load_rgb(photo, manifest.preprocessing)[np.newaxis]
    answer = model.run(normalise(pixels, manifest.preprocessing))
    nearest = index.search(answer.embedding, 1)
    case = SmokeCase(
        photo=base64.b64encode(photo).decode(),
        category=manifest.categories[int(answer.logits[0].argmax())],
        margin=0.0,  # of an untrained network
        neighbour=f"image-{int(nearest.rows[0, 0]):08}",
        score=float(nearest.scores[0, 0]),
    )
    return case.expecting(answer.embedding[0], manifest.model.precision)
