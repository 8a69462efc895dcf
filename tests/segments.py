"""Releases of segments for tests: what a release becomes if rows are added to it, and others are removed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.manifest import SEGMENTED, FileEntry, Manifest, file_entry, release_id
from lambda_app.release.row_set import RowSet
from tests.releases import CATEGORIES, DATASET, embed, write_index, write_photos


@dataclass(frozen=True)
class Added:
    """Rows of a new segment.

    Attributes:
        vectors: float32 (n, d), L2-normalised.
    """

    items: Sequence[CatalogItem]
    vectors: np.ndarray


def extend_release(
    folder: Path,
    parent_folder: Path,
    parent: Manifest,
    *,
    segments: Sequence[Added] = (),
    dead: Iterable[int] = (),
    **overrides: Any,
) -> Manifest:
    """Write a release that follows another one to `folder`, with links to the files that it shares with it.

    Args:
        folder: where to write the new files and manifest.json.
        parent_folder: where the files of `parent` are.
        parent: its manifest; its segments and dead rows are kept.
        segments: the new segments, behind those of the parent. Their indexes are flat.
        dead: further dead rows, numbered through all segments, new ones included.
        overrides: fields of the manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = [entry for entry in parent.files() if parent.dead is None or entry.file != parent.dead.file]
    for name in [*(entry.file for entry in kept), "photos"]:
        if not (folder / name).exists():
            (folder / name).symlink_to((parent_folder / name).resolve())
    entries = [segment.model_dump() for segment in parent.segments]
    for number, added in enumerate(segments, start=len(parent.segments) + 1):
        entries.append(_write_segment(folder, number, added))
    rows = parent.rows + sum(len(added.items) for added in segments)
    mask = np.zeros(rows, np.bool_)
    if parent.dead is not None:
        bits = np.frombuffer((parent_folder / parent.dead.file).read_bytes(), np.uint8)
        mask[: parent.rows] = RowSet(bits, parent.dead.count).mask(parent.rows)
    mask[list(dead)] = True
    created_at = parent.created_at + timedelta(minutes=1)
    fields = {
        **parent.model_dump(exclude={"segments", "dead"}),
        "parent": parent.release,
        "created_at": created_at,
        "segments": entries,
        "dead": _write_dead(folder / "dead.bits", mask) if mask.any() else None,
    }
    fields["format"] = SEGMENTED if entries or mask.any() else parent.format
    new = [FileEntry(**part) for entry in entries for part in entry.values()]
    new += [FileEntry(**fields["dead"])] if fields["dead"] else []
    fields["release"] = release_id(created_at, [parent.model, parent.index, parent.catalog, *new])
    manifest = Manifest.model_validate({**fields, **overrides})
    (folder / "manifest.json").write_bytes(manifest.to_json())
    return manifest


def added_products(folder: Path, network: Path, products: int, *, seed: int, prefix: str) -> Added:
    """Rows of new products with two photos each, whose photos are written to `folder`.

    Args:
        network: `model.onnx` of the release.
        prefix: of image ids, `<prefix>003a`, and of product ids, `product-<prefix>003`. The prices are 5, 15, ...
    """
    photos = write_photos(folder, products, seed)
    items = [
        CatalogItem(
            image_id=prefix + name,
            product_id=f"product-{prefix}{name[:-1]}",
            category=CATEGORIES[int(name[:-1]) % len(CATEGORIES)],
            title=f"Added listing {name[:-1]}",
            price=10.0 * int(name[:-1]) + 5,
            location="Leeds",
            photo=f"{DATASET}photos/{prefix}{name}.jpg",
        )
        for name in photos
    ]
    return Added(items, embed(network, list(photos.values())))


def changed(items: Sequence[CatalogItem], vectors: np.ndarray, **fields: Any) -> Added:
    """The same rows with other fields, as an update writes them."""
    return Added([replace(item, **fields) for item in items], vectors)


def _write_segment(folder: Path, number: int, added: Added) -> dict[str, dict[str, Any]]:
    index, catalog = folder / f"index-{number}.faiss", folder / f"catalog-{number}.sqlite"
    write_index(index, np.asarray(added.vectors, np.float32))
    write_catalog(catalog, added.items)
    count = len(added.items)
    return {"index": {**file_entry(index), "count": count}, "catalog": {**file_entry(catalog), "count": count}}


def _write_dead(path: Path, mask: np.ndarray) -> dict[str, Any]:
    rows = RowSet.of_mask(mask)
    path.write_bytes(rows.bits.tobytes())
    return {**file_entry(path), "count": len(rows)}
