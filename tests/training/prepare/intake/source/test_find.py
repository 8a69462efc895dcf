import gzip

import pytest

from training.errors import DataError
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.source.find import absent_columns, open_tables, table_files

PRODUCTS = "id,product_name,category\n1,Sofa,Home\n"
IMAGES = "id,product_id\ni,1\n"
BOTH = "id,title,category,image\n1,Sofa,Home,a.jpg\n"


@pytest.fixture
def write(tmp_path):
    """Write text files by name; returns their folder."""

    def run(**files):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text)
        return tmp_path

    return run


def opened(data, **options):
    return [(one.name, one.role) for one in open_tables(data, Reading(**options))]


@pytest.mark.parametrize(
    ("products", "images"),
    [("Products__csv", "Images__csv"), ("products__CSV", "IMAGES__tsv"), ("PRODUCTS__txt", "images__tab")],
)
def test_names_match_in_any_case_and_with_any_ending_of_a_table(write, products, images):
    data = write(**{products: PRODUCTS, images: IMAGES, "truth__csv": "image_id,kind\n"})
    names = products.replace("__", "."), images.replace("__", ".")
    assert opened(data) == [(names[0], "products"), (names[1], "images")]


@pytest.mark.parametrize("name", ["products__csv", "catalog_export_1__csv", "feed__TSV", "Images__csv", "listing__txt"])
def test_one_table_with_photos_is_enough(write, name):
    assert opened(write(**{name: BOTH})) == [(name.replace("__", "."), "listings")]


def test_other_tables_beside_the_only_whole_one_are_left_alone(write):
    assert opened(write(a__csv=BOTH, orders__csv="order,customer\n1,2\n")) == [("a.csv", "listings")]


def test_a_feed_in_xml_is_a_table(write):
    feed = "<rss><item><id>1</id><product_type>Home</product_type><image_link>a.jpg</image_link></item></rss>"
    assert opened(write(feed__xml=feed)) == [("feed.xml", "listings")]


def test_a_text_file_is_a_table_only_with_a_header(write):
    data = write(README__txt="photos, and their id\nare here\n", a__md=BOTH)
    assert table_files(data) == []
    assert table_files(write(list__txt=BOTH)) == ["list.txt"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"products_export_1__csv": PRODUCTS, "images_export_1__csv": IMAGES},
            r"holds table files \(images_export_1\.csv, products_export_1\.csv\) but no Products\.csv\. Name the table",
        ),
        (
            {"a__csv": BOTH, "b__csv": BOTH},
            r"\(a\.csv, b\.csv\) but no Products\.csv.*\(2 of them have all columns; keep one",
        ),
        ({"Products__csv": BOTH, "products__tsv": BOTH}, r"has Products\.csv and products\.tsv; keep one"),
        ({"a__csv": PRODUCTS}, r"^a\.csv lacks a column for photos; its columns are 'id', 'product_name', 'category'"),
        ({"a__csv": "x,y\n"}, r"a\.csv: none of its first lines names a column"),
        ({"Products__csv": PRODUCTS, "Images__csv": "id,x\n"}, r"^Images\.csv lacks a column for"),
    ],
)
def test_tables_that_will_not_do_are_named_in_the_error(write, files, message):
    with pytest.raises(DataError, match=message):
        opened(write(**files))


@pytest.mark.parametrize("name", ["products.xlsx", "products.csv.gz", "Products.XLS"])
def test_a_table_in_a_form_that_is_not_read_is_named_in_the_error(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(PRODUCTS.encode()))
    assert table_files(tmp_path) == [name]
    with pytest.raises(DataError, match=rf"holds table files \({name}\), which cannot be read; save it as CSV"):
        opened(tmp_path)


def test_hidden_files_and_locks_of_editors_are_no_tables(write):
    assert table_files(write(**{"__a__csv": BOTH, "~$a__xlsx": ""})) == []


def test_columns_that_the_user_names_are_found(write):
    data = write(a__csv="artikel;bezeichnung;gruppe;bild\n1;Sofa;Home;a.jpg\n")
    columns = {"id": ("Artikel",), "category": ("gruppe",), "image": ("bild",)}
    (one,) = open_tables(data, Reading(columns=columns))
    assert {name: one.columns.place(name) for name in columns} == {"id": 0, "category": 2, "image": 3}
    with pytest.raises(DataError, match=r"no table has the column 'Bilder'; a\.csv has 'artikel'"):
        opened(data, columns=columns | {"image": ("Bilder",)})


def test_an_optional_column_that_the_user_names_may_be_missing_and_is_told(write):
    data = write(a__csv="artikel;gruppe;bild\n1;Home;a.jpg\n")
    reading = Reading(columns={"id": ("artikel",), "category": ("gruppe",), "image": ("bild",), "title": ("Name 1",)})
    found = open_tables(data, reading)
    (told,) = absent_columns(found, reading)
    assert told.startswith("--columns: no table has the column 'Name 1'; a.csv has 'artikel', 'gruppe', 'bild'")
