import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem, write_catalog

SOFA = CatalogItem("s1", "p1", "Sofas", "A 'red' sofa; DROP TABLE items", 100.0, "Leeds", "datasets/x/photos/s1.jpg")
ITEMS = [
    SOFA,
    replace(SOFA, image_id="s2", price=150.5),
    replace(SOFA, image_id="t/1 é", product_id="p2", category="Phones", price=None, title=None, location=None),
    replace(SOFA, image_id="t2", product_id="p3", category="Phones", price=20.0),
]


@pytest.fixture
def catalog(tmp_path: Path):
    assert write_catalog(tmp_path / "catalog.sqlite", ITEMS) == 4
    catalog = Catalog(tmp_path / "catalog.sqlite")
    yield catalog
    catalog.close()


def test_rows_are_given_back_in_the_order_asked(catalog: Catalog):
    assert catalog.count == 4
    assert catalog.items([3, 0, 2]) == [ITEMS[3], ITEMS[0], ITEMS[2]]
    assert catalog.items(list(np.array([1, 1]))) == [ITEMS[1], ITEMS[1]]
    assert catalog.items([]) == []


def test_more_rows_than_a_statement_takes(tmp_path: Path):
    many = [replace(SOFA, image_id=str(number), product_id=str(number)) for number in range(33_000)]
    write_catalog(tmp_path / "many.sqlite", many)
    catalog = Catalog(tmp_path / "many.sqlite")
    assert catalog.items(range(33_000)) == many
    catalog.close()


@pytest.mark.parametrize(
    ("image_id", "row"), [("s1", 0), ("t/1 é", 2), ("nothing", None), ("", None), ("s1' --", None)]
)
def test_items_are_found_by_image_id(catalog: Catalog, image_id: str, row: int | None):
    assert catalog.find(image_id) == row


def test_the_photos_of_a_product(catalog: Catalog):
    assert catalog.product_rows("p1") == [0, 1]
    assert catalog.product_rows("nothing") == []


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (CatalogFilter(), [0, 1, 2, 3]),
        (CatalogFilter(category="Phones"), [2, 3]),
        (CatalogFilter(min_price=100), [0, 1]),
        (CatalogFilter(max_price=100), [0, 3]),
        (CatalogFilter("Phones", 0, 1000), [3]),
        (CatalogFilter(min_price=100, max_price=100), [0]),
        (CatalogFilter(category="Boats"), []),
    ],
)
def test_filters_give_the_rows_that_pass(catalog: Catalog, where: CatalogFilter, rows: list[int]):
    passing = catalog.passing(where)
    assert passing.rows.tolist() == rows
    assert len(passing) == len(rows)
    assert where.empty == (where == CatalogFilter())
    assert catalog.passing(replace(where)) is passing  # kept for the next who asks


def test_catalogs_without_columns_are_filtered_by_their_rows(catalog: Catalog, tmp_path: Path):
    with sqlite3.connect(tmp_path / "catalog.sqlite") as older:
        older.execute("DROP TABLE columns")
    older.close()
    reader = Catalog(tmp_path / "catalog.sqlite")
    assert reader.passing(CatalogFilter("Phones", 0, 1000)).rows.tolist() == [3]
    assert reader.passing(CatalogFilter(category="Boats")).rows.tolist() == []
    reader.close()


@pytest.mark.parametrize(
    ("column", "data", "message"),
    [
        ("prices", b"", "4 categories, 0 prices"),
        ("names", b"\0", "cannot be read"),
        ("prices", b"\0", "cannot be read"),
    ],
)
def test_columns_that_do_not_fit_are_refused(catalog: Catalog, tmp_path: Path, column: str, data: bytes, message: str):
    with sqlite3.connect(tmp_path / "catalog.sqlite") as broken:
        broken.execute(f"UPDATE columns SET {column} = ?", [data])  # noqa: S608 (own names)
    broken.close()
    reader = Catalog(tmp_path / "catalog.sqlite")
    with pytest.raises(ReleaseError, match=message):
        reader.passing(CatalogFilter(min_price=1))
    reader.close()


def test_columns_of_another_catalog_are_refused(catalog: Catalog, tmp_path: Path):
    with sqlite3.connect(tmp_path / "catalog.sqlite") as broken:
        broken.execute("DELETE FROM items WHERE row = 3")
    broken.close()
    reader = Catalog(tmp_path / "catalog.sqlite")
    with pytest.raises(ReleaseError, match="holds 3 items; its columns hold 4"):
        reader.passing(CatalogFilter(min_price=1))
    reader.close()


def test_filters_asked_long_ago_are_forgotten(catalog: Catalog):
    first = catalog.passing(CatalogFilter(min_price=0))
    for price in range(1, 40):
        catalog.passing(CatalogFilter(min_price=price))
    again = catalog.passing(CatalogFilter(min_price=0))
    assert again is not first
    assert again.rows.tolist() == first.rows.tolist()


def test_a_filter_asked_again_is_kept_before_those_asked_once(catalog: Catalog):
    often = catalog.passing(CatalogFilter(max_price=1))
    for price in range(40):
        catalog.passing(CatalogFilter(min_price=price))
        assert catalog.passing(CatalogFilter(max_price=1)) is often


def test_an_image_id_twice_is_refused_and_leaves_no_catalog(tmp_path: Path):
    with pytest.raises(ReleaseError, match="image_id"):
        write_catalog(tmp_path / "catalog.sqlite", [SOFA, SOFA])
    assert not (tmp_path / "catalog.sqlite").exists()


def test_writing_again_replaces_the_catalog(tmp_path: Path):
    path = tmp_path / "catalog.sqlite"
    write_catalog(path, ITEMS)
    assert write_catalog(path, ITEMS[:1]) == 1
    catalog = Catalog(path)
    assert catalog.count == 1
    catalog.close()
    assert [file.name for file in tmp_path.iterdir()] == ["catalog.sqlite"]


def test_a_catalog_may_be_empty(tmp_path: Path):
    assert write_catalog(tmp_path / "catalog.sqlite", []) == 0
    catalog = Catalog(tmp_path / "catalog.sqlite")
    assert catalog.count == 0
    assert catalog.passing(CatalogFilter(category="Sofas")).rows.tolist() == []
    catalog.close()


def test_what_is_no_catalog_is_refused(tmp_path: Path):
    (tmp_path / "text.sqlite").write_text("no database" * 100)
    (tmp_path / "empty.sqlite").write_bytes(b"")
    with sqlite3.connect(tmp_path / "foreign.sqlite") as foreign:
        foreign.execute("CREATE TABLE items (name TEXT)")
    foreign.close()
    for name in ("text", "empty", "foreign", "missing"):
        with pytest.raises(ReleaseError, match=f"{name}.sqlite is not a catalog"):
            Catalog(tmp_path / f"{name}.sqlite")


def test_a_catalog_is_read_by_many_threads_and_never_written(catalog: Catalog):
    wrong: list[object] = []

    def read() -> None:
        for row in [0, 1, 2, 3] * 25:
            if catalog.items([row]) != [ITEMS[row]]:
                wrong.append(row)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        catalog._connection.execute("DELETE FROM items")
