import random

import pytest

from training.prepare.intake import listings
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.tables import Intake

HEADER = "id,title,category,price,image"


@pytest.fixture
def take(tmp_path, jpeg, read_into_tables):
    """Read the text of one table, beside photos with these names; returns the working tables."""

    def run(text, photos=("a", "b", "c", "d"), name="export.csv", **options):
        data = tmp_path / "data"
        (data / "photos").mkdir(parents=True)
        (data / name).write_text(text, encoding="utf-8")
        for number, photo in enumerate(photos):
            (data / "photos" / f"{photo}.jpg").write_bytes(jpeg(number))
        return read_into_tables(listings.read, data, Reading(**options))

    return run


def products(intake: Intake):
    return intake.db.execute("SELECT id, title, category, price FROM products ORDER BY number").fetchall()


def images(intake: Intake):
    sql = "SELECT images.id, products.id FROM images JOIN products ON products.number = product ORDER BY images.number"
    return intake.db.execute(sql).fetchall()


def rejected(intake: Intake):
    return intake.db.execute("SELECT kind, line, id, reason FROM rejected ORDER BY line, kind DESC").fetchall()


def adds_up(intake: Intake):
    for kind in ("products", "images"):
        refused = intake.count(f"rejected WHERE kind = '{kind}'")
        assert intake.count(kind) + refused == intake.rows_in[kind]
    return True


def test_a_row_per_product_may_name_several_photos(take):
    intake = take(f'{HEADER}\n1,Sofa,Home,5.00,"a.jpg, photos/b.jpg"\n2,Hat,Clothes,6.00,https://x/y/c.jpg?v=1\n')
    assert products(intake) == [("1", "Sofa", "Home", 5.0), ("2", "Hat", "Clothes", 6.0)]
    assert images(intake) == [("a", "1"), ("b", "1"), ("c", "2")]
    assert adds_up(intake)


def test_rows_with_the_id_of_an_earlier_one_are_its_further_photos(take):
    text = f"{HEADER}\n1,Sofa,Home,5.00,a\n1,,,,b\n,,,,c\n1,,,7.00,\n1,Sofa,Home,5.00,d\n"
    intake = take(text)
    assert products(intake) == [("1", "Sofa", "Home", 5.0)]
    assert images(intake) == [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]
    assert intake.skipped == {"export.csv": {"further rows of a product, without a photo": 1}}
    assert intake.rows_in == {"products": 1, "images": 4}
    assert intake.warnings == []


def test_the_first_description_of_a_product_counts(take):
    header = "Handle,Title,Body (HTML),Product Category,Image Src"
    rows = ["1,Sofa,,Home,a", "1,,<p>Of oak</p>,,b", "1,,Of pine,,c", "2,Hat,<b>Wool</b>,Clothes,d", "2,,Felt,,"]
    intake = take("\n".join([header, *rows, ""]))
    assert intake.db.execute("SELECT id, description FROM products").fetchall() == [("1", "Of oak"), ("2", "Wool")]
    assert intake.skipped == {"export.csv": {"further rows of a product, without a photo": 1}}
    assert intake.warnings == []


def test_cuts_of_descriptions_that_are_kept_are_counted(take):
    long = "oak " * 300
    rows = [f"1,Sofa,Home,,a,{long}", f"1,,,,b,{long}", "2,Hat,Home,,c,Wool", f"2,,,,d,{long}", f"3,Cap,,,d,{long}"]
    intake = take("\n".join([f"{HEADER},description", *rows, ""]))
    assert intake.cut_descriptions == 1


def test_another_title_under_the_same_id_is_said(take):
    intake = take(f"{HEADER}\n1,Sofa,Home,5,a\n1,Hat,Home,5,b\n1,Cap,Home,5,c\n")
    (warning,) = intake.warnings
    assert "2 rows have the id of an earlier row but another title (first: '1', line 3)" in warning


def test_photos_of_a_rejected_product_are_rejected_too(take):
    intake = take(
        f"{HEADER}\n1,Sofa,,5,a\n1,,,,b\n2,Hat,Clothes,6,c\n2,Hat,Clothes,6,c\n3,Cap,Clothes,6,c\n,Cap,Home,6,d\n"
    )
    assert rejected(intake) == [
        ("products", 2, "1", "missing_category"),
        ("images", 2, "a", "missing_product"),
        ("images", 3, "b", "missing_product"),
        ("images", 5, "c", "duplicate_row"),
        ("images", 6, "c", "duplicate_id"),
        ("products", 7, None, "missing_id"),
        ("images", 7, "d", "missing_product"),
    ]
    assert adds_up(intake)


def test_a_product_without_photos_is_kept(take):
    intake = take(f"{HEADER}\n1,Sofa,Home,5,\n1,Hat,Home,5,\n2,Hat,Home,5,none.jpg\n")
    assert [row[0] for row in products(intake)] == ["1", "2"]
    assert rejected(intake) == [("products", 3, "1", "duplicate_id"), ("images", 4, "none", "missing_photo")]


def test_ids_that_a_spreadsheet_has_shortened_are_rejected_and_said(take):
    intake = take(f"{HEADER}\n1.23E+15,Sofa,Home,5,a\n1.23E+15,Hat,Home,5,b\n3,Cap,Home,5,c\n")
    assert [row[3] for row in rejected(intake)] == ["damaged_id", "missing_product"] * 2
    assert "2 ids are in scientific notation" in intake.warnings[0]
    assert adds_up(intake)


def test_records_of_wrong_length_are_rejected_with_their_line_and_make_no_category(take):
    intake = take(f"{HEADER}\n1,Sofa, blue,Home,5,a\n2,Hat,Clothes,5,b\n3\n{HEADER}\n")
    assert rejected(intake) == [("products", 2, "1", "too_many_fields"), ("products", 4, "3", "too_few_fields")]
    assert [row[2] for row in products(intake)] == ["Clothes"]
    assert intake.skipped == {"export.csv": {"equal to the header": 1}}
    assert adds_up(intake)


def test_without_an_id_column_the_photo_names_the_product(take):
    intake = take("file_name,label\na.jpg,Home\nb.jpg,Clothes\n", name="metadata.csv")
    assert products(intake) == [("a", None, "Home", None), ("b", None, "Clothes", None)]
    assert images(intake) == [("a", "a"), ("b", "b")]


def test_a_row_per_photo_with_its_own_id(take):
    intake = take("id,product_id,product_name,category\na,1,Sofa,Home\nb,1,Sofa,Home\nc,2,Hat,Clothes\n")
    assert images(intake) == [("a", "1"), ("b", "1"), ("c", "2")]


def test_equal_base_names_of_different_photos_get_different_ids(tmp_path, read_into_tables, jpeg):
    data = tmp_path / "data"
    data.mkdir()
    (data / "x.csv").write_text(f"{HEADER}\n1,Sofa,Home,5,https://x/1/a.jpg\n2,Hat,Home,5,https://x/2/a.jpg\n")
    (data / "a.jpg").write_bytes(jpeg(0))
    intake = read_into_tables(listings.read, data, Reading())
    # There is only one file of that name, so the second photo is none of its own.
    assert images(intake) == [("a", "1")]
    assert [row[3] for row in rejected(intake)] == ["duplicate_id"]


def test_photos_that_fetch_has_downloaded_are_found_by_their_url(tmp_path, read_into_tables, jpeg):
    data = tmp_path / "data"
    (data / "photos").mkdir(parents=True)
    (data / "x.csv").write_text(
        f"{HEADER}\n1,Sofa,Home,5,https://x/1/a%20b.jpg\n2,Hat,Home,5,https://x/2/a%20b.jpg?w=1\n"
    )
    (data / "photos" / "photos.csv").write_text(
        "url,file,bytes,sha256,content_type\n"
        "https://x/1/a%20b.jpg,a_b.jpg,1,0,image/jpeg\n"
        "https://x/2/a%20b.jpg?w=1,a_b-12345678.png,1,0,image/png\n"
    )
    (data / "photos" / "a_b.jpg").write_bytes(jpeg(0))
    (data / "photos" / "a_b-12345678.png").write_bytes(jpeg(1))
    intake = read_into_tables(listings.read, data, Reading())
    assert [(row.product, row.photo) for _, row in intake.images()] == [
        (1, "photos/a_b.jpg"),
        (2, "photos/a_b-12345678.png"),
    ]
    tables = sorted(path for path, _ in listings.input_files(data) if path.endswith(".csv"))
    assert tables == ["photos/photos.csv", "x.csv"]


def test_names_and_ids_are_compared_in_one_form(take):
    text = "id,title,category,image\nru\u0308ck,Sofa,Cafe\u0301,a\nr\u00fcck,,,b\nx,Hat,Caf\u00e9\u200b,c\n"
    intake = take(text)
    assert {row[2] for row in products(intake)} == {"Caf\u00e9"}
    assert images(intake) == [("a", "r\u00fcck"), ("b", "r\u00fcck"), ("c", "x")]


def test_prices_that_could_not_be_read_are_counted_with_the_first(take):
    intake = take(f"{HEADER}\n1,a,Home,5.00,a\n2,b,Home,from £5,b\n3,c,Home,N/A,c\n4,d,Home,ask,d\n")
    assert vars(intake.unread["price"]) == {"count": 2, "first": "'from £5' in export.csv, line 3"}
    assert [row[3] for row in products(intake)] == [5.0, None, None, None]


def test_the_currency_of_the_file_is_found(take):
    intake = take("id,title,category,price (EUR),image\n1,a,Home,5.00,a\n")
    assert intake.currency == "EUR"
    assert "prices     decimal mark: point; currency: EUR" in intake.understood


def test_options_go_before_what_would_be_found(take):
    text = "Nr,title,type,image\n1,a,Home/Sofas,a\n2,b,Home/Beds,b\n"
    intake = take(text, columns={"id": ("nr",)}, category_separator="/")
    assert [(row[0], row[2]) for row in products(intake)] == [("1", "Home"), ("2", "Home")]


def test_an_export_of_woocommerce_is_read(take):
    text = (
        "ID,Type,SKU,Name,Regular price,Categories,Images\n"
        '7,simple,S1,Sofa,"1,200.50","Home > Sofas, Sale","https://x/a.jpg, https://x/b.jpg"\n'
        "8,simple,S2,Hat,5,Clothes,https://x/c.jpg\n"
    )
    intake = take(text)
    assert products(intake) == [("7", "Sofa", "Home", 1200.5), ("8", "Hat", "Clothes", 5.0)]
    assert images(intake) == [("a", "7"), ("b", "7"), ("c", "8")]


def test_a_feed_in_xml_is_read(take):
    item = (
        "<item><g:id>{0}</g:id><g:title>T{0}</g:title>"
        "<g:google_product_category>Home &gt; Beds</g:google_product_category><g:price>1{0}.50 EUR</g:price><g:image_link>https://x/{1}.jpg</g:image_link></item>"
    )
    text = (
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
        + item.format(1, "a")
        + item.format(2, "b")
        + "</channel></rss>"
    )
    intake = take(text, name="feed.xml")
    assert products(intake) == [("1", "T1", "Home", 11.5), ("2", "T2", "Home", 12.5)]
    assert images(intake) == [("a", "1"), ("b", "2")]
    assert intake.currency == "EUR"


def test_kept_and_rejected_rows_add_up_whatever_the_table_holds(tmp_path, jpeg, read_into_tables):
    rng = random.Random(0)
    pieces = [
        "1",
        "2",
        "3",
        "1.2E+15",
        "",
        "Home",
        "a.jpg",
        "b.jpg",
        "a,b",
        '"',
        '"x"',
        "£5",
        "N/A",
        ",",
        "\n",
        HEADER,
        "|",
        "a|b",
    ]
    for trial in range(60):
        data = tmp_path / f"data{trial}"
        data.mkdir()
        (data / "a.jpg").write_bytes(jpeg(0))
        lines = [",".join(rng.choices(pieces, k=rng.choice([5, 5, 5, 3, 7]))) for _ in range(40)]
        (data / "x.csv").write_text("\n".join([HEADER, "1,Sofa,Home,5,a", *lines]))
        assert adds_up(read_into_tables(listings.read, data, Reading()))
