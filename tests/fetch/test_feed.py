from pathlib import Path

import pytest

from fetch.feed import copy_tables, image_urls, tables_of, urls_in
from training.errors import DataError
from training.prepare.intake.fetched import TABLE
from training.prepare.intake.fields.names import HEADERS
from training.prepare.intake.fields.reading import Reading

SHOPIFY = """Handle,Title,Body (HTML),Type,Variant Price,Image Src,Image Position,Variant Image
chair,Chair,"<p>A chair, ""soft""</p>",Furniture,10.00,https://cdn.example/chair_1.jpg?v=1,1,https://cdn.example/v.jpg
chair,,,,,https://cdn.example/chair_2.jpg?v=1,2,
"""
META = """id\ttitle\tlink\timage_link\tadditional_image_link
1\tShirt\thttps://shop.example/1\thttps://cdn.example/1.jpg\thttps://cdn.example/1b.jpg,https://cdn.example/1c.jpg
"""
GOOGLE = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><link>https://shop.example</link>
<image><url>https://shop.example/logo.png</url></image>
<item><g:id>1</g:id><link>https://shop.example/1</link><g:image_link>https://cdn.example/1.jpg?a=1&amp;b=2</g:image_link>
<g:additional_image_link>https://cdn.example/2.jpg</g:additional_image_link></item>
</channel></rss>
"""


@pytest.mark.parametrize(
    ("name", "text", "urls"),
    [
        (
            "products_export_1.csv",
            SHOPIFY,
            # As preparing reads it: the photo of a variant is one of the others again.
            ["https://cdn.example/chair_1.jpg?v=1", "https://cdn.example/chair_2.jpg?v=1"],
        ),
        (
            "catalog.tsv",
            META,
            ["https://cdn.example/1.jpg", "https://cdn.example/1b.jpg", "https://cdn.example/1c.jpg"],
        ),
        ("feed.xml", GOOGLE, ["https://cdn.example/1.jpg?a=1&b=2", "https://cdn.example/2.jpg"]),
    ],
)
def test_the_image_columns_of_a_feed_are_read(tmp_path: Path, name: str, text: str, urls: list[str]):
    (tmp_path / name).write_text(text)
    assert list(image_urls(tmp_path / name)) == urls
    assert list(image_urls(tmp_path)) == urls


def test_the_columns_of_shopifys_present_template_are_image_columns(tmp_path: Path):
    feed = tmp_path / "template.csv"
    feed.write_text("Title,URL handle,Price,Product image URL,Variant image URL\nA,a,1,https://a.test/1.jpg,\n")
    assert list(image_urls(feed)) == ["https://a.test/1.jpg"]


def test_every_photo_column_that_preparing_knows_is_read(tmp_path: Path):
    feed = tmp_path / "feed.csv"
    for header in HEADERS["image"]:
        feed.write_text(f"id,{header}\n1,https://a.test/1.jpg\n")
        assert list(image_urls(feed)) == ["https://a.test/1.jpg"], header


def test_a_feed_without_an_image_column_names_its_columns(tmp_path: Path):
    feed = tmp_path / "feed.csv"
    feed.write_text("Nr;Titel;Price;Foto\n1;Stuhl;2;https://a.test/1.jpg\n")
    with pytest.raises(DataError, match=r"feed\.csv has 'Nr', 'Titel', 'Price', 'Foto'.*--columns image=Foto"):
        list(image_urls(feed))


def test_the_user_may_name_the_image_column_and_the_encoding(tmp_path: Path):
    feed = tmp_path / "feed.csv"
    feed.write_bytes("Größe;Bild;image\nÜ;https://a.test/ü.jpg;https://a.test/no.jpg\n".encode("cp850"))
    reading = Reading("cp850", {"id": ("Größe",), "image": ("BILD",)})
    assert list(image_urls(feed, reading)) == ["https://a.test/ü.jpg"]


@pytest.mark.parametrize(
    ("cell", "urls"),
    [
        ("https://a.example/1.jpg, https://a.example/2.jpg", ["https://a.example/1.jpg", "https://a.example/2.jpg"]),
        ("https://a.example/1.jpg|//a.example/2.jpg", ["https://a.example/1.jpg", "//a.example/2.jpg"]),
        (" https://a.example/w_300,h_300/1 2.jpg ", ["https://a.example/w_300,h_300/1 2.jpg"]),
        ("http://a.example/1.jpg", ["http://a.example/1.jpg"]),
        ("chair.jpg", []),
        ("photos/chair.jpg", []),
        ("", []),
    ],
)
def test_a_cell_may_hold_several_urls(cell: str, urls: list[str]):
    assert urls_in(cell) == urls


def test_entities_of_xml_are_not_expanded(tmp_path: Path):
    feed = tmp_path / "feed.xml"
    feed.write_text('<!DOCTYPE a [<!ENTITY x "aaaa">]><rss><item><image_link>&x;</image_link></item></rss>')
    with pytest.raises(DataError, match=r"feed\.xml"):
        list(image_urls(feed))
    feed.write_text("<rss><item>")
    with pytest.raises(DataError, match=r"feed\.xml"):
        list(image_urls(feed))


def test_a_feed_without_a_table_is_an_error(tmp_path: Path):
    with pytest.raises(DataError, match="neither a file nor a folder"):
        tables_of(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="holds no table"):
        tables_of(tmp_path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_the_copy_has_the_same_bytes_and_follows_the_feed(tmp_path: Path, out: Path):
    feed = tmp_path / "feed.csv"
    for content in (b"\xff\xfei\x00d\x00\r\n", b"id,image\r\n"):
        feed.write_bytes(content)
        copy_tables(feed, out)
        assert (out / "feed.csv").read_bytes() == content
        (out / TABLE).parent.mkdir(exist_ok=True)
        (out / TABLE).touch()


def test_a_table_of_someone_else_is_not_replaced(tmp_path: Path, out: Path):
    feed = tmp_path / "feed.csv"
    feed.write_text("id,image\n")
    (out / "feed.csv").write_text("mine")
    with pytest.raises(DataError, match="another table"):
        copy_tables(feed, out)
    assert (out / "feed.csv").read_text() == "mine"


def test_a_second_feed_does_not_go_into_the_folder_of_the_first(tmp_path: Path, out: Path):
    for name in ("november.csv", "december.csv"):
        (tmp_path / name).write_text("id,image\n")
    copy_tables(tmp_path / "november.csv", out)
    with pytest.raises(DataError, match=r"november\.csv"):
        copy_tables(tmp_path / "december.csv", out)
    assert not (out / "december.csv").exists()


def test_a_folder_may_be_filled_in_place(out: Path):
    (out / "feed.csv").write_text("id,image\n")
    copy_tables(out, out)
    copy_tables(out / "feed.csv", out)
    assert (out / "feed.csv").read_text() == "id,image\n"


@pytest.mark.parametrize(
    ("held", "named"),
    [
        (["Chairs/1.jpg", "Lamps/2.jpg"], "holds 2 folders that scripts/fetch did not make, such as 'Chairs'"),
        (["1.JPG"], r"holds 1 photo that scripts/fetch did not make, such as '1\.JPG'"),
        (["photos/1.jpg", "2.png"], "holds 1 folder and 1 photo .* such as 'photos'"),
    ],
)
def test_a_folder_of_photos_is_refused_and_left_as_it_is(tmp_path: Path, out: Path, held: list[str], named: str):
    (tmp_path / "feed.csv").write_text("id,image\n")
    for name in held:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).touch()
    with pytest.raises(DataError, match=f"{named}.*Give a new folder as --out"):
        copy_tables(tmp_path / "feed.csv", out)
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == sorted(held)


def test_a_folder_of_an_earlier_run_or_with_the_feed_in_it_may_hold_photos(tmp_path: Path, out: Path):
    feed = tmp_path / "feed.csv"
    feed.write_text("id,image\n")
    (out / ".git").mkdir()
    (out / "notes.md").touch()
    (out / "photos").mkdir()
    copy_tables(feed, out)
    (out / "photos" / "mine.jpg").touch()
    copy_tables(feed, out)
    (out / "feed.csv").unlink()
    (out / TABLE).touch()
    copy_tables(feed, out)
    assert (out / "feed.csv").exists()
