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


def test_images_that_share_a_file_by_similar_names_only_are_rejected(intake):
    intake.photos.add("photos/a1.jpg")
    for number, image_id in enumerate(("a1", "A1"), start=1):
        path = intake.photos.find(image_id, image_id)
        assert path == "photos/a1.jpg"
        intake.add_image(ImageRow(image_id, 1, path, "Images.csv", number))
    intake.settle_photos()
    assert [image.id for _, image in intake.images()] == ["a1"]
    assert intake.db.execute("SELECT id, record, reason, detail FROM rejected").fetchall() == [
        ("A1", 2, "missing_photo", "the only similar file, photos/a1.jpg, may belong to 'a1'")
    ]


def test_a_photo_of_several_rows_with_one_name_is_kept_for_all(intake):
    intake.photos.add("photos/a.jpg")
    for image_id in ("first", "second"):
        path = intake.photos.find("https://shop.example/files/a.jpg?v=1", image_id)
        intake.add_image(ImageRow(image_id, 1, path, "Products.csv"))
    intake.settle_photos()
    assert intake.count("images") == 2


def test_the_reason_of_a_rejected_product_is_stored(intake):
    intake.reject("products", "Products.csv", 1, "p", "missing_category", "the category is ''")
    intake.reject("images", "Images.csv", 1, "q", "missing_photo", "no file")
    assert intake.rejection_of_product("p") == "missing_category"
    assert intake.rejection_of_product("q") is None
