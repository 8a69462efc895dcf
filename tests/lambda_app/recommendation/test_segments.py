"""Releases of segments, loaded and asked as serving does."""

from pathlib import Path

import numpy as np
import pytest

from lambda_app.errors import UnknownItemError
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.release.catalog import CatalogFilter
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CATEGORIES
from tests.segments import Added, added_products, changed, extend_release

SETTINGS = Settings(store="unused", threads=1)


def load_from(folder: Path, manifest: Manifest, previous: Recommender | None = None) -> Recommender:
    return load(manifest, lambda entry: folder / entry.file, SETTINGS, previous)


@pytest.fixture
def added(tmp_path: Path, built: BuiltRelease) -> Added:
    return added_products(tmp_path / "new", built.folder / "model.onnx", 6, seed=7, prefix="new-")


def test_added_rows_are_found_and_dead_ones_are_not(tmp_path: Path, built: BuiltRelease, added: Added):
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[added], dead=[6, 7, 41])
    loaded = load_from(tmp_path / "next", manifest)
    assert (manifest.rows, manifest.count) == (52, 49)
    nearest = loaded.similar(added.vectors[0], SimilarQuery(k=49, distinct="image"))
    assert nearest[0].item == added.items[0]
    assert nearest[0].row == 40
    assert sorted(match.row for match in nearest) == sorted({*range(52)} - {6, 7, 41})
    for gone in ("003a", "003b", "new-000b"):
        with pytest.raises(UnknownItemError):
            loaded.item(gone)
    assert loaded.item("new-000a") == added.items[0]
    assert all(match.item.image_id != "new-000a" for match in loaded.similar_to("new-000a", SimilarQuery()))


def test_an_updated_item_is_its_new_row(tmp_path: Path, built: BuiltRelease):
    before = load_from(built.folder, built.manifest)
    item = before.item("003a")
    update = changed([item], before._index.vector(6)[np.newaxis], price=7.0, category=CATEGORIES[0])
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[update], dead=[6])
    after = load_from(tmp_path / "next", manifest)
    assert after.item("003a").price == 7.0
    assert after.cosine(before._index.vector(6), "003a") == pytest.approx(1, abs=1e-6)
    found = after.similar(before._index.vector(6), SimilarQuery(where=CatalogFilter(max_price=7.0)))
    assert [match.item.image_id for match in found] == ["003a"]
