import pytest

from training.errors import DataError
from training.prepare.categories import category_order, read_categories
from training.prepare.intake.tables import Intake, ProductRow


@pytest.fixture
def intake(tmp_path):
    intake = Intake(tmp_path / "intake.sqlite")
    for number, category in enumerate(["Home", "Games", "Home", "Art"]):
        intake.add_product(ProductRow(f"p{number}", category))
    intake.db.execute("UPDATE products SET split = 'train' WHERE category != 'Art'")
    yield intake
    intake.close()


def test_without_a_given_order_categories_are_ordered_by_first_appearance(intake):
    assert category_order(intake, ()) == ["Home", "Games", "Art"]
    assert intake.warnings == ["categories without a photo: Art"]


def test_a_given_order_is_kept_and_new_categories_are_last(intake):
    assert category_order(intake, ("Books", "Games", "Art")) == ["Books", "Games", "Art", "Home"]
    assert intake.warnings == [
        "categories missing from the given order were added at its end: Home",
        "categories without a photo: Books, Art",
    ]


def test_a_categories_file_has_one_name_per_line(tmp_path):
    path = tmp_path / "categories.txt"
    path.write_bytes("\ufeffHome & Garden\r\n\n  Café  culture \n".encode())
    assert read_categories(path) == ("Home & Garden", "Café culture")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n \n", "names no category"),
        (b"Home\nGames\nHome\n", "names 'Home' twice"),
        (b"caf\xe9\n", "cannot be read: 'utf-8' codec"),
        (None, "cannot be read: .*No such file"),
    ],
)
def test_a_bad_categories_file_is_refused(tmp_path, content, message):
    path = tmp_path / "categories.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_categories(path)
