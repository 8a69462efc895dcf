"""Releases of segments, loaded and asked as serving does."""

import gc
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from lambda_app.errors import ReleaseError, UnknownItemError
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.release.catalog import CatalogFilter
from lambda_app.release.manifest import FileEntry, Manifest
from lambda_app.release.row_set import RowSet, SegmentedRowSet
from lambda_app.settings import Settings
from tests.engines import engine_of, segments_of
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CATEGORIES
from tests.segments import Added, added_products, changed, extend_release

SETTINGS = Settings(store="unused", threads=1)


def load_from(folder: Path, manifest: Manifest, previous: Recommender | None = None) -> Recommender:
    return load(manifest, lambda entry: folder / entry.file, SETTINGS, previous)


def parts_of(loaded: Recommender, where: CatalogFilter) -> tuple[RowSet, ...]:
    passing = engine_of(loaded).catalog.passing(where)
    assert isinstance(passing, SegmentedRowSet)
    return passing.parts


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
    item, vector = before.item("003a"), before.engine.stored(["003a"])["003a"].vector
    update = changed([item], vector[np.newaxis], price=7.0, category=CATEGORIES[0])
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[update], dead=[6])
    after = load_from(tmp_path / "next", manifest)
    assert after.item("003a").price == 7.0
    assert after.cosine(vector, "003a") == pytest.approx(1, abs=1e-6)
    found = after.similar(vector, SimilarQuery(where=CatalogFilter(max_price=7.0)))
    assert [match.item.image_id for match in found] == ["003a"]


def test_releases_with_the_same_files_share_what_is_open(tmp_path: Path, built: BuiltRelease, added: Added):
    first = load_from(built.folder, built.manifest)
    where = CatalogFilter(category=CATEGORIES[3])
    passing = segments_of(first).catalogs[0].passing(where)
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, segments=[added], dead=[41])
    asked: list[str] = []

    def files(entry: FileEntry) -> Path:
        asked.append(entry.file)
        return tmp_path / "next" / entry.file

    second = load(manifest, files, SETTINGS, first)
    assert sorted(asked) == ["catalog-1.sqlite", "dead.bits", "index-1.faiss"]
    assert second.parts.model is first.parts.model
    assert segments_of(second).indexes[0] is segments_of(first).indexes[0]
    assert segments_of(second).catalogs[0].passing(where) is passing
    # The rows of a segment without dead rows keep what indexes know of them.
    assert parts_of(second, where)[0] is passing
    later = extend_release(tmp_path / "later", tmp_path / "next", manifest, dead=[7])
    third = load_from(tmp_path / "later", later, second)
    assert parts_of(third, where)[1] is parts_of(second, where)[1]
    assert parts_of(third, where)[0] is not passing


def test_the_same_file_with_other_search_settings_is_opened_again(tmp_path: Path, built: BuiltRelease):
    first = load_from(built.folder, built.manifest)
    index = built.manifest.index.model_copy(update={"search": {"nprobe": 2}})
    second = load_from(built.folder, built.manifest.model_copy(update={"index": index}), first)
    assert segments_of(second).indexes[0] is not segments_of(first).indexes[0]
    assert second.parts.model is first.parts.model


def test_a_shared_catalog_is_closed_with_the_last_release_that_uses_it(tmp_path: Path, built: BuiltRelease):
    first = load_from(built.folder, built.manifest)
    connection = segments_of(first).catalogs[0]._connection
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, dead=[3])
    second = load_from(tmp_path / "next", manifest, first)
    del first
    gc.collect()
    assert second.item("003a").product_id == "product-003"
    del second
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_dead_rows_that_do_not_fit_are_refused(tmp_path: Path, built: BuiltRelease):
    manifest = extend_release(tmp_path / "next", built.folder, built.manifest, dead=[0, 39])
    path = tmp_path / "next" / "dead.bits"
    sound = path.read_bytes()
    for data, says in (
        (sound + b"\0", "6 bytes; 40 rows need 5"),
        (bytes([3]) + sound[1:], "marks 3 rows as dead; the manifest says 2"),
    ):
        path.write_bytes(data)
        with pytest.raises(ReleaseError, match=says):
            load_from(tmp_path / "next", manifest)
