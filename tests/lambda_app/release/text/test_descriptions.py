import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.catalog_inspection import inspect_catalog
from lambda_app.release.manifest import CatalogEntry, file_entry
from lambda_app.release.text import descriptions
from tests.crafted import catalogs

ITEM = CatalogItem("a1", "a", "Sofas", "Sofa", 100.0, None, "datasets/x/1.jpg", "A long sofa. Kein Flausch: ½ m, 沙发")
ITEMS = [
    ITEM,
    replace(ITEM, image_id="b1", product_id="b", description=None),
    replace(ITEM, image_id="a2"),
    replace(ITEM, image_id="c1", product_id="c", description="Another one"),
    replace(ITEM, image_id="c2", product_id="c", description="Another photo says something else"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_catalog(tmp_path / "catalog.sqlite", ITEMS)
    return tmp_path / "catalog.sqlite"


def inspect(path: Path) -> None:
    inspect_catalog(path, CatalogEntry(count=len(ITEMS), **file_entry(path)))


def stored(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM descriptions ORDER BY number")]


def test_items_have_their_descriptions(path: Path):
    inspect(path)
    with closing(Catalog(path)) as catalog:
        assert catalog.items([4, 0, 1, 2, 3]) == [ITEMS[row] for row in (4, 0, 1, 2, 3)]
        assert [item.description for item in catalog.items(range(5), described=False)] == [None] * 5


def test_the_photos_of_a_product_share_their_text(path: Path):
    assert stored(path) == [ITEM.description, "Another one", "Another photo says something else"]


def test_more_texts_than_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(descriptions, "_MOST_REMEMBERED", 2)
    texts = ["one", "two", "one", "three", "one", "three"]
    items = [replace(ITEM, image_id=str(row), description=text) for row, text in enumerate(texts)]
    write_catalog(tmp_path / "catalog.sqlite", items)
    assert stored(tmp_path / "catalog.sqlite") == ["one", "two", "three", "one"]
    with closing(Catalog(tmp_path / "catalog.sqlite")) as catalog:
        assert catalog.items(range(6)) == items


def test_a_catalog_of_an_older_version_has_none(path: Path):
    catalogs.statements("ALTER TABLE items DROP COLUMN description", "DROP TABLE descriptions")(path, {})
    inspect(path)
    with closing(Catalog(path)) as catalog:
        assert catalog.items([0, 3]) == [replace(ITEMS[row], description=None) for row in (0, 3)]
        assert catalog.items([0]) == catalog.items([0], described=False)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (["DROP TABLE descriptions"], "another table 'descriptions'"),
        (["ALTER TABLE descriptions ADD COLUMN more TEXT"], "another table 'descriptions'"),
        (["ALTER TABLE items DROP COLUMN description"], "no column 'description'"),
        (["DELETE FROM descriptions WHERE number = 0"], "no description for 2 of rows 0 to 9999"),
        (["UPDATE items SET description = 99 WHERE row = 1"], "no description for 1 of rows"),
        (["UPDATE items SET description = 'A sofa' WHERE row = 1"], "no description for 1 of rows"),
        (["UPDATE descriptions SET text = printf('%.*c', 20971520, 'x')"], "of 20,971,520 bytes; the limit is 65,536"),
        (["UPDATE descriptions SET text = CAST(x'ff41' AS TEXT)"], "UTF-8"),
    ],
)
def test_what_does_not_fit_is_refused(path: Path, script: list[str], says: str):
    catalogs.statements(*script, loose="'A sofa'" in script[0])(path, {})
    with pytest.raises(ReleaseError, match=says):
        inspect(path)
