import json
import re
from datetime import UTC, datetime

import pytest

from lambda_app.catalogue.changes import (
    MOST_CHANGES,
    Change,
    Item,
    NewValues,
    Remove,
    Revert,
    Unreadable,
    Update,
    Upsert,
    read_change,
    read_entry,
    write_change,
    write_entry,
)
from lambda_app.catalogue.fields import MOST_TEXT_BYTES
from lambda_app.errors import ChangeError

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)
ITEM = {"image_id": "1a", "product_id": "1", "category": "Chairs", "photo": "datasets/shop/1a.jpg"}
CHANGES: list[Change] = [
    Upsert(item=Item(**ITEM, title="Sofa, rot\nund blau", price=12.5)),
    Update(product_id="1", set=NewValues(price=None, title="Ĉ")),
    Remove(image_id="1a"),
]


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_an_entry_is_read_as_it_was_written():
    entry = read_entry(7, write_entry(CHANGES, "scripts/catalogue", "b1", NOW))
    assert entry.number == 7
    assert entry.lines == tuple(CHANGES)
    assert entry.header is not None
    assert (entry.header.batch, entry.header.source, entry.header.written_at) == ("b1", "scripts/catalogue", NOW)


def test_an_update_distinguishes_a_cleared_field_from_one_that_is_not_named():
    change = read_change(line(op="update", image_id="1a", set={"price": None}))
    assert isinstance(change, Update)
    assert change.set.given() == {"price": None}
    assert json.loads(write_change(change)) == {"op": "update", "image_id": "1a", "set": {"price": None}}


def test_whole_numbers_are_prices():
    change = read_change(line(op="update", image_id="1a", set={"price": 12}))
    assert isinstance(change, Update)
    assert change.set.price == 12.0


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"{", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"7", ""),
        (line(op="delete", image_id="1"), "'upsert', 'update', 'remove', 'revert'"),
        (line(op="remove"), "either image_id or product_id"),
        (line(op="remove", image_id="1", product_id="2"), "either image_id or product_id"),
        (line(op="remove", image_id=""), "image_id: .*at least 1"),
        (line(op="remove", image_id=7), "image_id: .*string: 7"),
        (line(op="remove", image_id="a\0b"), "image_id: contains the character NUL"),
        (b'{"op": "remove", "image_id": "\\ud800"}', ""),
        (line(op="update", image_id="1", set={}), "names no field; it takes title, category, price, location"),
        (
            line(op="update", image_id="1", set={"prise": 2}),
            "^prise is not a field of what an update sets",
        ),
        (line(op="update", image_id="1", set={"category": None}), "clears the category"),
        (line(op="update", image_id="1", set={"price": -1}), "set.price: .*greater than or equal to 0: -1"),
        (line(op="update", image_id="1", set={"price": "9"}), "set.price: .*number"),
        (b'{"op": "update", "image_id": "1", "set": {"price": 1e999}}', "set.price: .*finite"),
        (b'{"op": "update", "image_id": "1", "set": {"price": NaN}}', "set.price: .*finite|JSON"),
        (line(op="upsert", item={**ITEM, "photo": "live.json"}), "item.photo: is 'live.json'; a photo has a key"),
        (line(op="upsert", item={**ITEM, "photo": "datasets/shop/../x.jpg"}), "item.photo"),
        (line(op="upsert", item={**ITEM, "photo": "datasets/shop/a\n.jpg"}), "item.photo: .* no control character"),
        (line(op="upsert", item={**ITEM, "photo": "datasets/shop/" + "ä" * 128}), "item.photo: .*256 bytes .* is 255"),
        (line(op="upsert", item={**ITEM, "photo": "datasets/shop" + "/a" * 444}), "item.photo: .*901 .* is 900"),
        (line(op="upsert", item={**ITEM, "title": "x" * (MOST_TEXT_BYTES + 1)}), "65,537 bytes; the limit is 65,536"),
        (line(op="upsert", item={**ITEM, "title": "x" * (1 << 20)}), "the limit is 524,288"),
        (line(op="upsert", item={name: ITEM[name] for name in ("image_id", "photo")}), "^product_id is missing$"),
        (line(op="upsert"), "^item is missing$"),
        (line(op="upsert", item={**ITEM, "prize": 250}), "^prize is not a field of an item; its fields are image_id,"),
        (line(op="remove", product="1"), "^product is not a field of the change 'remove'; its fields are image_id,"),
        (line(op="revert", release="release-1", through=-1, undone=2), "through"),
        (line(op="revert", release="../live", through=1, undone=2), "release"),
    ],
)
def test_a_damaged_or_hostile_line_is_refused_with_its_field(bad: bytes, words: str):
    with pytest.raises(ChangeError, match=f"(?s){words}") as caught:
        read_change(bad)
    assert len(str(caught.value)) <= 300


def test_a_line_that_cannot_be_read_leaves_the_others():
    data = write_entry(CHANGES, "test", "b", NOW).splitlines()
    data[2] = b'{"op": "update"'
    lines = read_entry(1, b"\n".join(data)).lines
    assert isinstance(lines[1], Unreadable)
    assert (lines[0], lines[2]) == (CHANGES[0], CHANGES[2])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "first line"),
        (write_entry(CHANGES, "test", "b", NOW).rpartition(b"\n")[0].rpartition(b"\n")[0], "2 changes; .* says 3"),
        (write_entry([], "test", "b", NOW).replace(b'"format":1', b'"format":2'), "format"),
    ],
)
def test_an_entry_that_cannot_be_read_as_a_whole_has_its_reason_alone(data: bytes, words: str):
    entry = read_entry(3, data)
    assert entry.header is None
    (only,) = entry.lines
    assert isinstance(only, Unreadable)
    assert re.search(words, only.reason)


def test_an_entry_over_a_limit_is_not_written():
    with pytest.raises(ChangeError, match=r"changes: .*10000"):
        write_entry([Remove(image_id="1")] * (MOST_CHANGES + 1), "test", "b", NOW)
    with pytest.raises(ChangeError, match="batch"):
        write_entry([], "test", "", NOW)
    wide = Update(image_id="1", set=NewValues(title="x" * MOST_TEXT_BYTES))
    with pytest.raises(ChangeError, match="bytes; the limit is 67,108,864"):
        write_entry([wide] * 1100, "test", "b", NOW)


def test_a_revert_stands_alone():
    revert = Revert(release="release-1", through=1, undone=2)
    assert read_entry(3, write_entry([revert], "test", "b", NOW)).lines == (revert,)
    with pytest.raises(ChangeError, match="alone"):
        write_entry([revert, Remove(image_id="1")], "test", "b", NOW)
