import pytest

from training.errors import DataError
from training.prepare.intake.source import xml_feed
from training.prepare.intake.source.xml_feed import XmlFeed

RSS = """<?xml version="1.0" encoding="{encoding}"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
{items}
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>
{items}
</feed>"""


@pytest.fixture
def read(tmp_path):
    """Write a feed and read its items as dicts without empty values."""

    def run(text, encoding="utf-8", asked=None):
        path = tmp_path / "feed.xml"
        path.write_bytes(text.encode(encoding))
        feed = XmlFeed(path, asked)
        items = [dict(zip(feed.columns, record.values, strict=True)) for record in feed.records()]
        return [{name: value for name, value in item.items() if value} for item in items]

    return run


def test_items_of_rss_are_records(read):
    items = """<item><g:id>1</g:id><title>Bed &amp; lamp</title><g:price>12.99 EUR</g:price>
        <g:shipping><g:price>1 EUR</g:price><g:id>no</g:id></g:shipping><description><![CDATA[<b>x</b>]]></description>
        <g:image_link>https://x/1.jpg</g:image_link>
        <g:additional_image_link>https://x/2.jpg</g:additional_image_link>
        <g:additional_image_link>https://x/3.jpg</g:additional_image_link></item>
        <item><title>Own</title><g:title>Google</g:title><g:id> 2 </g:id></item>"""
    first, second = read(RSS.format(items=items, encoding="utf-8"))
    assert first == {
        "id": "1",
        "title": "Bed & lamp",
        "price": "12.99 EUR",
        "description": "<b>x</b>",
        "image_link": "https://x/1.jpg",
        "additional_image_link": "https://x/2.jpg\nhttps://x/3.jpg",
    }
    assert second == {"id": "2", "title": "Google"}


def test_entries_of_atom_are_records(read):
    items = "<entry><id>tag:1</id><g:id>1</g:id><link href='https://x/1'/><title>A</title></entry>"
    assert read(ATOM.format(items=items)) == [{"id": "1", "link": "https://x/1", "title": "A"}]


def test_more_photos_may_come_late(read, monkeypatch):
    monkeypatch.setattr(xml_feed, "_SAMPLE", 1)
    items = """<item><id>1</id><image_link>a</image_link></item>
        <item><id>2</id><additional_image_link>b</additional_image_link></item>"""
    assert read(RSS.format(items=items, encoding="utf-8"))[1] == {"id": "2", "additional_image_link": "b"}


def test_the_declared_or_the_given_encoding_is_used(read):
    text = RSS.format(items="<item><id>1</id><title>стол</title></item>", encoding="windows-1251")
    assert read(text, "cp1251")[0]["title"] == "стол"
    assert read(RSS.format(items="<item><title>стол</title></item>", encoding="utf-8"), "cp1251", "cp1251")[0] == {
        "title": "стол"
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<rss><channel/></rss>", "feed.xml is no feed of listings: it has no <item> or <entry>"),
        ("<rss><item><g:id>1</g:id></item></rss>", "feed.xml cannot be read as XML: unbound prefix: line 1"),
        ("<rss><item><id>1</id>", "feed.xml cannot be read as XML: .*line 1"),
        (
            '<!DOCTYPE r [<!ENTITY a "aa">]><rss><item><id>&a;</id></item></rss>',
            "cannot be read as XML: EntitiesForbidden",
        ),
    ],
)
def test_what_is_no_feed_is_refused(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text)


def test_an_item_over_the_limit_is_refused(read, monkeypatch):
    monkeypatch.setattr(xml_feed, "MAX_ITEM_CHARS", 1_000)
    with pytest.raises(DataError, match="the item in line 3 has more than 1,000 characters"):
        read(RSS.format(items=f"<item><id>{'x' * 5_000}</id></item>", encoding="utf-8"))


def test_the_line_of_each_item_is_known(tmp_path):
    path = tmp_path / "feed.xml"
    path.write_text("<rss>\n<item><id>1</id>\n</item>\n<item><id>2</id></item></rss>")
    assert [(record.number, record.line) for record in XmlFeed(path).records()] == [(1, 2), (2, 4)]
