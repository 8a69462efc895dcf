from dataclasses import replace
from pathlib import Path

import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release import catalog_inspection
from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.catalog_inspection import inspect_catalog
from lambda_app.release.manifest import CatalogEntry, file_entry
from tests.crafted import catalogs
from tests.crafted.drops import CATALOGS, Crafted
from tests.lambda_app.conftest import BuiltRelease

ITEM = CatalogItem("i", "p", "Sofas", "A sofa", 100.0, "Leeds", "datasets/x/photos/1.jpg")


def many(path: Path, count: int) -> CatalogEntry:
    items = (replace(ITEM, image_id=f"i{row}", price=None if row % 3 else float(row)) for row in range(count))
    return CatalogEntry(count=write_catalog(path, items), **file_entry(path))


def test_what_training_writes_passes(tmp_path: Path, built: BuiltRelease):
    inspect_catalog(built.folder / "catalog.sqlite", built.manifest.catalog)
    inspect_catalog(tmp_path / "many.sqlite", many(tmp_path / "many.sqlite", 25_000))


@pytest.mark.parametrize("crafted", CATALOGS, ids=lambda crafted: crafted.name)
def test_a_crafted_catalog_is_refused_with_words(tmp_path: Path, built: BuiltRelease, crafted: Crafted):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes((built.folder / "catalog.sqlite").read_bytes())
    crafted.change(path, {})
    with pytest.raises(ReleaseError, match=crafted.says):
        inspect_catalog(path, built.manifest.catalog)


def test_a_catalog_that_takes_too_long_is_refused(tmp_path: Path):
    entry = many(tmp_path / "many.sqlite", 50_000)
    with pytest.raises(ReleaseError, match=r"many.sqlite could not be checked within 0 s"):
        inspect_catalog(tmp_path / "many.sqlite", entry, seconds=0)


def test_of_a_large_catalog_blocks_all_over_it_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "many.sqlite"
    entry = many(path, 1000)
    monkeypatch.setattr(catalog_inspection, "SAMPLE_ABOVE", 300)
    monkeypatch.setattr(catalog_inspection, "_BLOCK", 10)
    starts = list(catalog_inspection._blocks(1000))
    assert 250 <= 10 * len(starts) <= 310
    assert starts[0] == 0
    assert starts[-1] > 950
    inspect_catalog(path, entry)
    catalogs.statements("UPDATE items SET price = 9e999 WHERE row >= 950")(path, {})
    with pytest.raises(ReleaseError, match="price is inf"):
        inspect_catalog(path, entry)
