import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.likeness.descriptor import descriptors_of
from lambda_app.likeness.table import inspect_fingerprints
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.catalog_inspection import inspect_catalog
from lambda_app.release.manifest import CatalogEntry
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog

PRINTS = np.random.default_rng(0).integers(0, 256, (3, 197), np.uint8)
ITEMS = [CatalogItem(f"i{n}", f"p{n}", "Toys", None, None, None, f"datasets/d/{n}.jpg") for n in range(3)]


@pytest.fixture
def path(tmp_path):
    write_catalog(tmp_path / "catalog.sqlite", ITEMS, PRINTS)
    return tmp_path / "catalog.sqlite"


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def inspect(path):
    with closing(sqlite3.connect(path)) as connection:
        inspect_fingerprints(connection, path.name, 3)


def test_fingerprints_are_read_in_the_order_asked(path):
    with closing(Catalog(path)) as catalog:
        np.testing.assert_array_equal(np.asarray(catalog.fingerprints([2, 0, 2])), PRINTS[[2, 0, 2]])
        assert np.asarray(catalog.fingerprints([])).shape == (0, 197)


def test_an_older_catalog_has_none(tmp_path):
    write_catalog(tmp_path / "c.sqlite", ITEMS)
    with closing(Catalog(tmp_path / "c.sqlite")) as catalog:
        assert catalog.fingerprints([0]) is None
    inspect(tmp_path / "c.sqlite")


def test_a_row_without_a_fingerprint_is_named(path):
    with closing(Catalog(path)) as catalog, pytest.raises(ReleaseError, match="row 7 of the catalog"):
        catalog.fingerprints([0, 7])


def test_a_catalog_with_fingerprints_passes_the_inspection_of_a_drop(path):
    inspect_catalog(path, CatalogEntry(file=path.name, sha256="0" * 64, bytes=path.stat().st_size, count=3))


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["DELETE FROM fingerprints WHERE row = 1"], "holds 2 fingerprints, of rows 0 to 2, for 3 items"),
        (["UPDATE fingerprints SET row = 9 WHERE row = 2"], "of rows 0 to 9"),
        (["UPDATE fingerprints SET bits = x'00' WHERE row = 1"], "1 fingerprints of another length than 197 bytes"),
        (["DROP TABLE fingerprints", "CREATE TABLE fingerprints (row INTEGER PRIMARY KEY)"], "columns row and bits"),
        (
            [
                "DROP TABLE fingerprints",
                "CREATE TABLE fingerprints (row INTEGER PRIMARY KEY, bits BLOB AS (zeroblob(197)))",
            ],
            "needs the stored columns",
        ),
    ],
)
def test_what_does_not_fit_the_items_is_refused(path, statements, message):
    change(path, *statements)
    with pytest.raises(ReleaseError, match=message):
        inspect(path)


def test_descriptors_are_those_of_the_fingerprints(path):
    with closing(Catalog(path)) as catalog:
        assert catalog.descriptors is not None
        assert len(catalog.descriptors) == 3
        for row, descriptor in enumerate(descriptors_of(PRINTS)):
            assert catalog.nearest_photos(descriptor[np.newaxis], 1, 0.9) == [row]


@pytest.mark.parametrize("statement", ["DROP TABLE descriptors", "UPDATE descriptors SET version = 9"])
def test_a_catalog_without_such_descriptors_finds_no_copies(path, statement):
    change(path, statement)
    inspect(path)
    with closing(Catalog(path)) as catalog:
        assert catalog.descriptors is None
        assert catalog.nearest_photos(descriptors_of(PRINTS), 3, 0.0) == []


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["UPDATE descriptors SET descriptors = x'0000'"], "needs 60 bytes of descriptors in one row, for 3 items"),
        (["UPDATE descriptors SET descriptors = zeroblob(61)"], "needs 60 bytes of descriptors"),
        (["INSERT INTO descriptors SELECT * FROM descriptors"], "in one row"),
        (["DELETE FROM descriptors"], "in one row"),
        (["DROP TABLE descriptors", "CREATE TABLE descriptors (version INTEGER)"], "columns version and descriptors"),
    ],
)
def test_descriptors_that_do_not_fit_the_items_are_refused(path, statements, message):
    change(path, *statements)
    with pytest.raises(ReleaseError, match=message):
        inspect(path)


def test_copies_are_found_in_all_segments_but_not_in_dead_rows(tmp_path):
    prints = np.random.default_rng(1).integers(0, 256, (6, 197), np.uint8)
    catalogs = []
    for number, part in enumerate(np.split(prints, 2)):
        items = [replace(item, image_id=f"{number}{item.image_id}") for item in ITEMS]
        write_catalog(tmp_path / f"{number}.sqlite", items, part)
        catalogs.append(Catalog(tmp_path / f"{number}.sqlite"))
    hidden = np.zeros(6, bool)
    hidden[4] = True
    both = SegmentedCatalog(catalogs, LiveRows.without([3, 3], hidden))
    with closing(both):
        asked = descriptors_of(prints)
        assert [both.nearest_photos(one[np.newaxis], 1, 0.9) for one in asked[[0, 2, 3, 5]]] == [[0], [2], [3], [5]]
        assert 4 not in both.nearest_photos(asked[4:5], 6, 0.0)
        assert len(both.nearest_photos(asked[4:5], 6, 0.0)) == 5
        assert len(both.nearest_photos(asked, 2, 0.0)) == 2
