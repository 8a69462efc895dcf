import csv
import sqlite3
from contextlib import closing
from pathlib import PurePosixPath

import pytest

from training.prepare.dataset_tables import write_items, write_rejected
from training.prepare.intake.tables import ImageRow, Intake, ProductRow


@pytest.fixture
def intake(tmp_path):
    intake = Intake(tmp_path / "intake.sqlite")
    product = intake.add_product(ProductRow("p", "Home", "Sofa\rred", 12.5, None))
    assert isinstance(product, int), product
    for row, image_id in enumerate(("b", "a")):
        image = intake.add_image(ImageRow(image_id, product, f"photos/{image_id}.jpg", "Images.csv", row + 1))
        intake.db.execute("INSERT INTO cached VALUES (?, ?, ?)", (row, image, image_id.encode()))
    intake.db.execute("UPDATE products SET split = 'train'")
    yield intake
    intake.close()


def test_items_are_numbered_like_the_cache(tmp_path, intake):
    write_items(tmp_path / "items.sqlite", intake, ["Games", "Home"], {})
    with closing(sqlite3.connect(tmp_path / "items.sqlite")) as db:
        assert db.execute("SELECT * FROM items").fetchall() == [
            (0, "b", "p", 1, "Sofa\rred", 12.5, None, "train", "photos/b.jpg"),
            (1, "a", "p", 1, "Sofa\rred", 12.5, None, "train", "photos/a.jpg"),
        ]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE products SET split = 'test'",
        "UPDATE products SET price = 13",
        "UPDATE products SET description = 'Oak'",
        "UPDATE cached SET content = X'00' WHERE row = 1",
        "UPDATE images SET id = 'c' WHERE id = 'a'",
    ],
)
def test_the_digest_identifies_the_dataset(tmp_path, intake, change):
    def digest(name, categories=("Home",), settings=None):
        return write_items(tmp_path / name, intake, categories, settings or {"seed": 0}).whole

    first = digest("a.sqlite")
    assert digest("b.sqlite") == first
    assert digest("c.sqlite", categories=("Home", "Games")) != first
    assert digest("d.sqlite", settings={"seed": 1}) != first
    intake.db.execute(change)
    assert digest("e.sqlite") != first


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        ("UPDATE products SET price = 13, title = 'Chair', location = 'Ely', description = 'Oak'", False),
        ("UPDATE images SET photo = 'moved/' || photo", False),
        ("UPDATE products SET split = 'test'", True),
        ("UPDATE products SET id = 'q'", True),
        ("UPDATE cached SET content = X'00' WHERE row = 1", True),
    ],
)
def test_only_what_the_network_learns_from_is_in_the_training_digest(tmp_path, intake, change, changes):
    first = write_items(tmp_path / "a.sqlite", intake, ["Home"], {"seed": 0, "currency": None})
    intake.db.execute(change)
    second = write_items(tmp_path / "b.sqlite", intake, ["Home"], {"seed": 0, "currency": "EUR"})
    assert (second.trained != first.trained) is changes
    assert second.whole != first.whole


def test_paths_of_photos_begin_with_the_folder_of_the_data(tmp_path, intake):
    write_items(tmp_path / "items.sqlite", intake, ["Home"], {}, PurePosixPath("export"))
    with closing(sqlite3.connect(tmp_path / "items.sqlite")) as db:
        paths = [path for (path,) in db.execute("SELECT photo FROM items")]
    assert paths == ["export/photos/b.jpg", "export/photos/a.jpg"]


def test_rejected_rows_are_written_products_first_with_any_characters_in_ids(tmp_path, intake):
    intake.reject("images", "Images.csv", 2, 'a"\r\n,b', "missing_photo", "no file", 4)
    intake.reject("images", "Images.csv", 1, "c", "missing_product", "no product")
    intake.reject("products", "Products.csv", 9, None, "missing_id", "the id is ''")
    write_rejected(tmp_path / "rejected.csv", intake)
    with (tmp_path / "rejected.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["source", "row", "line", "id", "reason", "detail"],
            ["Products.csv", "9", "", "", "missing_id", "the id is ''"],
            ["Images.csv", "1", "", "c", "missing_product", "no product"],
            ["Images.csv", "2", "4", 'a"\r\n,b', "missing_photo", "no file"],
        ]
