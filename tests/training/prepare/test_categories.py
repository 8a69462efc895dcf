import pytest

from training.errors import DataError
from training.prepare.categories import category_order, doubtful_categories, read_categories
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


def doubts(tmp_path, categories):
    intake = Intake(tmp_path / "doubts.sqlite")
    for number, category in enumerate(categories):
        intake.add_product(ProductRow(f"p{number}", category))
    warnings = list(doubtful_categories(intake))
    intake.close()
    return warnings


def test_sound_categories_give_no_warning(tmp_path):
    assert doubts(tmp_path, ["Home", "Games"] * 3) == []


def test_categories_that_look_like_mistakes_are_said_with_examples(tmp_path):
    few = ["17", "home", "C1", "C2", "C3"]
    assert doubts(tmp_path, ["Home"] * 3 + few) == [
        "1 categories are written in more than one way: 'Home' and 'home'",
        "1 categories are numbers: '17'; is it the right column? See --columns",
        "5 categories have fewer than 3 products: '17' (1), 'home' (1), 'C1' (1), ...",
    ]


def test_names_in_the_categories_file_are_compared_in_one_form(tmp_path):
    path = tmp_path / "categories.txt"
    path.write_text("Cafe\u0301\n", encoding="utf-8")
    assert read_categories(path) == ("Caf\u00e9",)
