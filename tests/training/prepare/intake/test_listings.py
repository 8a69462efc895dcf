import os

import pytest

from training.errors import DataError
from training.prepare.intake import listings
from training.prepare.intake.fields.reading import Reading


@pytest.fixture
def take(read_into_tables):
    """Read a folder of listings; returns the working tables."""
    return lambda data, **options: read_into_tables(listings.read, data, Reading(**options))


def rejected(intake):
    return intake.db.execute("SELECT kind, record, id, reason FROM rejected").fetchall()


def details(intake):
    return [detail for (detail,) in intake.db.execute("SELECT detail FROM rejected")]


def kept_images(intake):
    return [(row.id, row.photo) for _, row in intake.images()]


def test_a_product_row_is_rejected_only_for_its_id_or_category(write_listings, take):
    rows = [
        {"id": "p1", "product_name": "N/A", "price": "junk", "location": ""},
        {"id": "", "product_name": "Sofa"},
        {"id": "N/A"},
        {"id": "p2", "category": "N/A"},
        {"id": "p3", "category": " / Other"},
        {"id": "p1", "product_name": "N/A", "price": "junk", "location": ""},
        {"id": "p1", "product_name": "another"},
        {"id": "p2", "category": "Garden", "price": "£1,234.00", "product_name": " Chair\rred ", "location": "Ely"},
    ]
    intake = take(write_listings(rows, []))
    assert rejected(intake) == [
        ("products", 2, None, "missing_id"),
        ("products", 3, None, "missing_id"),
        ("products", 4, "p2", "missing_category"),
        ("products", 5, "p3", "missing_category"),
        ("products", 6, "p1", "duplicate_row"),
        ("products", 7, "p1", "duplicate_id"),
    ]
    kept = intake.db.execute("SELECT id, category, title, price, location FROM products").fetchall()
    assert kept == [("p1", "Home", None, None, None), ("p2", "Garden", "Chair\rred", 1234.0, "Ely")]
    assert intake.rows_in == {"products": 8, "images": 0}


def test_an_image_row_needs_an_id_a_kept_product_and_a_photo(write_listings, take, jpeg):
    images = [
        ("i1", "p1"),
        ("", "p1"),
        ("i2", ""),
        ("i3", "p9"),
        ("i4", "bad"),
        ("i5", "p1"),
        ("i1", "p1"),
        ("i1", "p2"),
    ]
    photos = {f"photos/{name}.jpg": jpeg(0) for name in ("i1", "i2", "i3", "i4")}
    rows = [{"id": "p1"}, {"id": "bad", "category": "null"}, {"id": "p2"}]
    intake = take(write_listings(rows, images, photos))
    assert rejected(intake)[1:] == [
        ("images", 2, None, "missing_id"),
        ("images", 3, "i2", "missing_product"),
        ("images", 4, "i3", "missing_product"),
        ("images", 5, "i4", "missing_product"),
        ("images", 6, "i5", "missing_photo"),
        ("images", 7, "i1", "duplicate_row"),
        ("images", 8, "i1", "duplicate_id"),
    ]
    assert details(intake)[2:5] == [
        "the product id is missing",
        "Products.csv has no product 'p9'",
        "the row of product 'bad' was rejected: missing_category",
    ]
    assert kept_images(intake) == [("i1", "photos/i1.jpg")]


def test_photos_are_found_in_any_folder_with_any_ending(write_listings, take, jpeg):
    paths = ["photos/a.JPG", "b.jpeg", "photos/c.png", "c.jpg", "images/d.webp", "photos/e.gif", "photos/deep/f.jpg"]
    images = [(name, "p") for name in "abcdefg"]
    intake = take(write_listings([{"id": "p"}], images, dict.fromkeys(paths, jpeg(0))))
    assert kept_images(intake) == [
        ("a", "photos/a.JPG"),
        ("b", "b.jpeg"),
        ("c", "photos/c.png"),
        ("d", "images/d.webp"),
        ("e", "photos/e.gif"),
        ("f", "photos/deep/f.jpg"),
    ]
    assert [row[2:] for row in rejected(intake)] == [("g", "missing_photo")]
    assert intake.warnings == [
        "1 names mean more than one photo file each; one is used: 'c' is photos/c.png, not c.jpg"
    ]


def test_photos_without_a_row_are_extra_even_if_their_names_are_not_text(write_listings, take, jpeg):
    paths = ["photos/a.jpg", "photos/orphan.jpg", "photos/refused.jpg", "beside.png", "photos/notes.txt"]
    data = write_listings([{"id": "p"}], [("a", "p"), ("refused", "p9")], dict.fromkeys(paths, jpeg(0)))
    (data / "photos" / os.fsdecode(b"\xff.jpg")).write_bytes(jpeg(0))
    assert take(data).count("photo_files WHERE named = 0") == 3


@pytest.mark.parametrize("image_id", ["../secret", "..", "/etc/passwd", "a\0b", "/"])
def test_an_id_cannot_reach_a_file_elsewhere(write_listings, take, tmp_path, jpeg, image_id):
    (tmp_path / "secret.jpg").write_bytes(jpeg(0))
    intake = take(write_listings([{"id": "p"}], [(image_id, "p")], {"photos/a.jpg": jpeg(0)}))
    assert [row[3] for row in rejected(intake)] == ["missing_photo"]


def test_encodings_and_warnings_are_recorded(write_listings, take):
    data = write_listings([{"id": "p"}], [("i", "p")])
    with (data / "Images.csv").open("ab") as file:
        file.write(b'"open,p\n')
    (data / "Products.csv").write_text((data / "Products.csv").read_text(), encoding="utf-16")
    intake = take(data)
    assert intake.encoding == {"Products.csv": "utf-16", "Images.csv": "utf-8"}
    assert len(intake.warnings) == 1
    assert intake.understood[:3] == [
        "layout     listings, two tables",
        "table      Products.csv: commas between fields, header in line 1, encoding utf-16",
        "  id         'id'",
    ]


@pytest.mark.parametrize("column", ["id", "category"])
def test_a_missing_product_column_is_named_in_the_error(write_listings, take, column):
    data = write_listings([{"id": "p"}], [])
    rename(data, column)
    with pytest.raises(
        DataError, match=rf"Products\.csv lacks a column for {column}; its columns are .*'other'.*--columns"
    ):
        take(data)


@pytest.mark.parametrize("column", ["product_name", "price", "location"])
def test_any_other_column_may_be_missing(write_listings, take, column):
    data = write_listings([{"id": "p", "product_name": "Sofa", "price": "5", "location": "Ely"}], [])
    rename(data, column)
    (row,) = take(data).db.execute("SELECT title, price, location FROM products")
    assert row.count(None) == 1


def rename(data, column):
    header, *rows = (data / "Products.csv").read_text().splitlines()
    renamed = ",".join("other" if name == column else name for name in header.split(","))
    (data / "Products.csv").write_text("\n".join([renamed, *rows]))


@pytest.mark.parametrize(("absent", "present"), [("Images.csv", "Products.csv"), ("Products.csv", "Images.csv")])
def test_only_one_of_the_two_listings_files_is_an_error(write_listings, take, absent, present):
    data = write_listings([{"id": "p"}], [])
    (data / absent).unlink()
    assert listings.found(data)
    with pytest.raises(DataError, match=rf"has no {absent}, and {present} lacks"):
        take(data)


def test_the_input_files_are_exactly_the_files_that_are_read(write_listings, jpeg):
    data = write_listings([{"id": "p"}], [("i", "p")], {"photos/i.jpg": jpeg(0), "j.png": jpeg(1), "notes.txt": b""})
    found = sorted(path for path, _ in listings.input_files(data))
    assert found == ["Images.csv", "Products.csv", "j.png", "photos/i.jpg"]
