import pytest

from training.prepare.intake.fields.names import columns_of, key_of, score


def fields(role, headers, rows=(), asked=None):
    """Header by field; several are joined by +."""
    sample = rows or [["x"] * len(headers)]
    columns = columns_of(role, headers, sample, asked or {})
    return {name: "+".join(headers[place] for place in places) for name, places in columns.places.items()}


@pytest.mark.parametrize(
    "header",
    ["Product Name", "product_name", "PRODUCT-NAME", " productName ", "# Required | product name", "g:product_name"],
)
def test_case_blanks_hyphens_and_underscores_are_alike(header):
    assert key_of(header) == "productname"


def test_what_stands_in_brackets_is_left_out():
    assert key_of("Price (EUR)") == "price"
    assert key_of("(id)") == "id"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            "Handle,Title,Body (HTML),Vendor,Product Category,Type,Variant SKU,Variant Price,Image Src,Image Position",
            "Handle,Title,Product Category,Variant Price,,Image Src",
        ),
        (
            "Title,URL handle,Product category,Type,SKU,Price,Compare-at price,Product image URL,Variant image URL",
            "URL handle,Title,Product category,Price,,Product image URL",
        ),
        (
            "id,title,description,availability,price,link,image_link,additional_image_link,google_product_category,item_group_id",
            "id,title,google_product_category,price,,image_link+additional_image_link",
        ),
        (
            "ID,Type,SKU,Name,Regular price,Sale price,Categories,Images",
            "ID,Name,Categories,Regular price,,Images",
        ),
        (
            "SKU,Product name,Category path,Price,City,Photo 1,Photo 2",
            "SKU,Product name,Category path,Price,City,Photo 1+Photo 2",
        ),
        (
            "*Action(SiteID=US|Country=US),Custom label (SKU),Category name,Title,Start price,Item photo URL",
            "Custom label (SKU),Title,Category name,Start price,,Item photo URL",
        ),
        (
            "item_sku,item_name,item_type,standard_price,main_image_url,other_image_url1",
            "item_sku,item_name,item_type,standard_price,,main_image_url+other_image_url1",
        ),
        ("file_name,label", ",,label,,,file_name"),
    ],
)
def test_exports_of_shops_and_feeds_are_understood(headers, expected):
    names = ("id", "title", "category", "price", "location", "image")
    found = fields("listings", headers.split(","))
    assert [found.get(name, "") for name in names] == expected.split(",")


def test_a_column_without_values_or_of_numbers_is_passed_over():
    headers = ["id", "google_product_category", "product_type", "image"]
    assert fields("listings", headers, [["1", "", "Home > Beds", "a"]])["category"] == "product_type"
    assert fields("listings", headers, [["1", "5322", "Home > Beds", "a"]])["category"] == "product_type"
    assert fields("listings", headers, [["1", "5322", "", "a"]])["category"] == "google_product_category"


def test_a_row_per_photo_has_two_ids():
    found = fields("listings", ["id", "product_id", "category"])
    assert (found["id"], found["image_id"]) == ("product_id", "id")


def test_a_table_of_photos_has_ids_or_names():
    assert fields("images", ["", "id", "product_id"]) == {"image_id": "id", "product_id": "product_id"}
    assert fields("images", ["Handle", "Image Src"]) == {"product_id": "Handle", "image": "Image Src"}


def test_named_columns_go_before_all_others():
    headers = ["id", "Artikel", "category", "Bild 1", "Bild 2"]
    asked = {"id": ("Artikel",), "image": ("Bild 1", "bild_2"), "title": ("absent",)}
    assert fields("listings", headers, asked=asked) == {
        "id": "Artikel",
        "category": "category",
        "image": "Bild 1+Bild 2",
    }


def test_only_an_export_of_woocommerce_has_lists_of_categories():
    sample = [["x"] * 4]
    assert columns_of("listings", ["ID", "Categories", "Images", "Regular price"], sample, {}).category_lists
    assert not columns_of("listings", ["ID", "Categories", "Images", "Price"], sample, {}).category_lists


def test_a_header_names_more_fields_than_other_rows():
    assert score(["id", "product_name", "category", "price"]) > score(["1", "Sofa", "Home", "5"])
    assert score(["Export of 24 Nov 2026", "", ""]) == 0


def test_what_was_understood_is_said_column_by_column():
    columns = columns_of("products", ["SKU", "Title", "Type", "Vendor"], [["1", "a", "b", "c"]], {})
    assert list(columns.lines()) == [
        "id         'SKU'",
        "title      'Title'",
        "category   'Type'",
        "no column for price, location, description",
        "ignored    'Vendor'",
    ]
