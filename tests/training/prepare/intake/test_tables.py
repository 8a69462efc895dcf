import pytest

from training.prepare.intake.tables import ImageRow, Intake, ProductRow


@pytest.fixture
def intake(tmp_path):
    intake = Intake(tmp_path / "intake.sqlite")
    yield intake
    intake.close()


def test_ids_are_unique_keys(intake):
    first = intake.add_product(ProductRow("p", "Home", digest=b"1"))
    assert intake.product_number("p") == first
    assert intake.add_product(ProductRow("p", "Home", digest=b"1")) == "duplicate_row"
    assert intake.add_product(ProductRow("p", "Garden", digest=b"2")) == "duplicate_id"
    assert intake.add_product(ProductRow("q", "Home", digest=b"1")) != first
    assert intake.count("products") == 2


def test_images_are_in_the_order_of_the_input(intake):
    rows = [ImageRow(f"i{n}", 1, f"photos/i{n}.jpg", "Images.csv", n, "test") for n in (3, 1, 2)]
    numbers = [intake.add_image(row) for row in rows]
    assert list(intake.images()) == list(zip(numbers, rows, strict=True))
    assert intake.add_image(rows[0]) == "duplicate_row"


def test_a_photo_is_found_by_its_stem_with_the_lowest_rank(intake):
    for path, rank in (("a.jpg", 4), ("photos/a.png", 2), ("photos/a.jpeg", 1), ("photos/b.c.jpg", 0)):
        intake.add_photo_file(path, rank)
    assert intake.photo_of("a") == "photos/a.jpeg"
    assert intake.photo_of("b.c") == "photos/b.c.jpg"
    assert intake.count("photo_files WHERE named = 0") == 0


@pytest.mark.parametrize(
    "image_id", ["../a", "/a", "photos/a", "a.jpg", "a\0", ".", "..", "%", "_", "a' OR 1=1 --", "A"]
)
def test_an_id_is_never_a_path_or_a_pattern(intake, image_id):
    intake.add_photo_file("photos/a.jpg", 0)
    assert intake.photo_of(image_id) is None


def test_the_reason_of_a_rejected_product_is_stored(intake):
    intake.reject("products", "Products.csv", 1, "p", "missing_category", "the category is ''")
    intake.reject("images", "Images.csv", 1, "q", "missing_photo", "no file")
    assert intake.rejection_of_product("p") == "missing_category"
    assert intake.rejection_of_product("q") is None
