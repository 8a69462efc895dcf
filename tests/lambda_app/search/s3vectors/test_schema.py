import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.catalog import CatalogItem
from lambda_app.search.s3vectors.schema import (
    MOST_FILTERABLE_BYTES,
    MOST_KEY_CHARACTERS,
    MOST_METADATA_BYTES,
    fingerprint_of,
    fits,
    index_name,
    item_of,
    metadata_of,
    sizes_of,
)
from tests.s3vectors.limits import check_metadata

ITEM = CatalogItem("sofa-1", "sofa", "sofas", "Grey sofa", 120.5, "Leeds", "datasets/shop/1.jpg", "Two seats")


def test_an_item_survives_the_way_through_metadata():
    assert item_of("sofa-1", metadata_of(7, ITEM)) == (7, ITEM)


def test_fields_without_a_value_are_left_out():
    bare = CatalogItem("a", "p", "sofas", None, None, None, "datasets/shop/a.jpg")
    metadata = metadata_of(0, bare)
    assert set(metadata) == {"row", "product_id", "category", "photo"}
    assert item_of("a", metadata) == (0, bare)


def test_a_fingerprint_survives():
    print_ = np.arange(197, dtype=np.uint8)
    found = fingerprint_of(metadata_of(0, ITEM, print_))
    assert found is not None
    np.testing.assert_array_equal(found, print_)
    assert fingerprint_of(metadata_of(0, ITEM)) is None


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("image_id", "x" * (MOST_KEY_CHARACTERS + 1), MOST_KEY_CHARACTERS),
        ("product_id", "x" * MOST_FILTERABLE_BYTES, MOST_FILTERABLE_BYTES),
        ("photo", "x" * MOST_METADATA_BYTES, MOST_METADATA_BYTES),
    ],
)
def test_what_the_service_would_refuse_is_named_with_its_limit(field, value, limit):
    item = CatalogItem(**{**ITEM.__dict__, field: value})
    with pytest.raises(ReleaseError, match=str(limit)):
        metadata_of(0, item)


def test_a_long_description_is_cut_at_a_character():
    item = CatalogItem(**{**ITEM.__dict__, "description": "é" * 40_000})
    text = metadata_of(0, item)["description"]
    assert text == "é" * 15_000


def test_all_texts_at_their_longest_fit():
    most = "é" * 40_000
    item = CatalogItem("i" * MOST_KEY_CHARACTERS, "p" * 1_000, "c" * 900, most, 0.1, most, "k" * 4_096, most)
    metadata = metadata_of(10**9, item, np.zeros(197, np.uint8))
    assert (metadata["title"], metadata["location"]) == ("é" * 1_000, "é" * 1_000)
    quoted = '"\n' * 20_000  # twice as long in JSON
    item = CatalogItem("i", '"' * 500, "\\" * 450, quoted, 0.1, quoted, "k" * 4_096, quoted)
    metadata = metadata_of(10**9, item, np.zeros(197, np.uint8))
    assert sizes_of(metadata)[0] <= MOST_FILTERABLE_BYTES
    assert sizes_of(metadata)[1] <= MOST_METADATA_BYTES
    assert len(metadata["title"]) == 1_000


def test_bytes_are_counted_as_json_and_never_below_those_of_the_values():
    assert sizes_of({"row": 7, "product_id": 'é"', "title": "x"}) == (32, 46)
    with pytest.raises(ReleaseError, match=r"filterable metadata; S3 Vectors takes 2048"):
        metadata_of(0, CatalogItem(**{**ITEM.__dict__, "product_id": '"' * 1_100}))  # 2,200 with their backslashes
    for row, price in ((0, 1.0), (2**53, -1.5e300), (5, None)):
        item = CatalogItem("a", "p" * 1_000, "c" * 900, None, price, None, "datasets/shop/a.jpg")
        check_metadata("a", metadata_of(row, item), frozenset(("photo",)))


def test_what_fits_has_metadata_and_what_does_not_is_said_before():
    assert fits("i", "p" * 1_000, "c" * 948, "k" * 4_096)
    metadata_of(2**53, CatalogItem("i", "p" * 1_000, "c" * 948, None, -1.7976931348623157e308, None, "k" * 4_096))
    for change in ({0: ""}, {0: "i" * 1_025}, {1: "p" * 1_001}, {2: '"' * 475}, {3: "k" * 4_097}):
        texts = ["i", "p" * 1_000, "c" * 948, "k" * 4_096]
        for place, text in change.items():
            texts[place] = text
        assert not fits(*texts)


@pytest.mark.parametrize("metadata", [{}, {"row": 1, "category": "sofas"}, {"row": "x", "product_id": "p"}])
def test_a_vector_of_something_else_is_refused_by_its_key(metadata):
    with pytest.raises(ReleaseError, match="'other'"):
        item_of("other", metadata)


@pytest.mark.parametrize(
    "wrong",
    [
        {"row": -1},
        {"row": 10**30},
        {"row": 3.5},
        {"row": True},
        {"row": float("inf")},
        {"product_id": 7},
        {"category": ["sofas", "lamps"]},
        {"title": 4},
        {"location": ["x"]},
        {"price": "nan"},
        {"price": float("inf")},
        {"photo": "live.json"},
        {"photo": "datasets/x/../../live.json"},
    ],
)
def test_a_field_that_no_item_has_is_refused(wrong):
    metadata = metadata_of(3, ITEM)
    assert item_of("sound", {**metadata, "row": 3.0})[0] == 3
    with pytest.raises(ReleaseError, match="vector 'other' is not an item"):
        item_of("other", {**metadata, **wrong})


@pytest.mark.parametrize("wrong", ["@@@", "AAAA", 5, ["x"], "\u00e9"])
def test_a_fingerprint_of_something_else_is_none(wrong):
    assert fingerprint_of({"fingerprint": wrong}) is None


def test_each_model_has_an_index_of_its_own():
    assert index_name("0123456789abcdef" * 4) == "items-0123456789abcdef"
    assert index_name("f" * 64) != index_name("e" * 64)
