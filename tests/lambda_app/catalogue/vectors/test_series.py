"""Random series of changes, merges and rollbacks: an index that follows them equals a fresh one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lambda_app.catalogue.vectors.bookkeeping import stored_state
from lambda_app.catalogue.vectors.loading import SILENT
from lambda_app.errors import StoreError
from lambda_app.release.catalog import write_catalog
from lambda_app.release.manifest import CatalogEntry, IndexEntry, Manifest, file_entry
from lambda_app.search.building import recall
from lambda_app.search.building.choice import written
from lambda_app.search.building.inverted import inverted_file
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import unit
from lambda_app.store.folder import FolderStore
from tests.lambda_app.catalogue.shop import EXHAUSTIVE, PRODUCTS, Row, Shop, new_item
from tests.lambda_app.catalogue.vectors.indexed import (
    KilledError,
    KilledStore,
    Killer,
    check_equal,
    counted,
    index_of,
    keep,
    loader,
    rows_in,
    stored,
)
from tests.releases import DIM
from tests.s3vectors.server import S3VectorsServer

ROWS, STEPS = 120, 14


@pytest.fixture(autouse=True, scope="module")
def few_queries() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "_QUERIES", 10)
        patch.setattr(recall, "_TIMED", 2)
        yield


def shop(folder: Path, base: tuple[Path, Manifest], kind: str, seed: int) -> Shop:
    """A catalogue that changes at random, with an index of this type."""
    random = np.random.default_rng(seed)
    products = random.integers(0, PRODUCTS, ROWS)
    vectors = unit(random.normal(size=(PRODUCTS, DIM))[products] + 0.4 * random.normal(size=(ROWS, DIM)))
    vectors = vectors.astype(np.float32)
    items = [new_item(f"b{row}", int(product), 10**6 + row) for row, product in enumerate(products)]
    prints = random.integers(0, 256, (ROWS, 197), np.uint8)
    (first := folder / "0").mkdir()
    write_catalog(first / "catalog.sqlite", items, prints)
    index = IndexEntry.model_validate(made_index(first / "index.faiss", vectors, kind))
    catalog = CatalogEntry(**file_entry(first / "catalog.sqlite"), count=ROWS)
    manifest = base[1].model_copy(update={"index": index, "catalog": catalog, "reference": None})
    files = {manifest.index.sha256: first / "index.faiss", manifest.catalog.sha256: first / "catalog.sqlite"}
    rows = {
        item.image_id: Row(item, vector, print_, stored=True)
        for item, vector, print_ in zip(
            items, VectorIndex(first / "index.faiss", index).vectors(range(ROWS)), prints, strict=True
        )
    }
    files[manifest.model.sha256] = base[0] / manifest.model.file
    return Shop(folder, manifest, files, rows, random)


def made_index(path: Path, vectors: np.ndarray, kind: str) -> dict[str, object]:
    if kind == "flat":
        import faiss

        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        return written(path, flat, "flat").model_dump()
    entry = written(path, inverted_file(vectors, kind, 0), kind)  # type: ignore[arg-type]
    return entry.model_copy(update={"search": EXHAUSTIVE}).model_dump()


@pytest.mark.parametrize("kind", ["flat", "ivf-int8"])
def test_an_index_that_follows_a_catalogue_equals_a_fresh_one(
    tmp_path: Path, built: tuple[Path, Manifest], s3vectors: S3VectorsServer, small_batches: int, kind: str
):
    (folder := tmp_path / "shop").mkdir()
    live, store = shop(folder, built, kind, seed=3), KilledStore(tmp_path / "store")
    index = index_of(s3vectors, live.manifest)
    sent = counted(index)
    keep(store, live.manifest, live.file)
    loader(store).bring(index, live.manifest)
    before: dict[str, int] = {}
    for number in range(STEPS):
        old, killed = {key: row.item for key, row in live.rows.items()}, False
        live.step()
        keep(store, live.manifest, live.file)
        store.killer = Killer(at=int(live.random.integers(1, 12)) if number % 3 == 0 else None)
        sent.clear()
        try:
            loader(store, connections=1 + number % 3).bring(index, live.manifest)
        except (KilledError, StoreError):
            store.killer, killed = Killer(), True
            if number % 2:  # another release in place of the one whose load was killed
                live.step()
                keep(store, live.manifest, live.file)
            loader(store, later=SILENT).bring(index, live.manifest)
        check_equal(s3vectors, index, store, live.manifest)
        rows = rows_in(stored(s3vectors, index))
        if not killed:
            changed = {key for key, row in live.rows.items() if old.get(key) != row.item}
            assert changed <= set(sent)
            # A merge sends nothing, but what int8 rounds by more than the rest.
            assert len(set(sent) - changed) <= (0 if kind == "flat" else 0.1 * len(rows))
        unchanged = [key for key in rows if key in before and key not in sent]
        assert all(rows[key] == before[key] for key in unchanged)
        before = rows
    state, _ = stored_state(FolderStore(store.root), index.name)
    assert state is not None
    assert (state.count, state.release) == (len(live.rows), live.manifest.release)
    assert set(rows) == set(live.rows)
    assert max(rows.values()) < state.next_row
