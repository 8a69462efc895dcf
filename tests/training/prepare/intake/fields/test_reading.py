import pytest

from training.prepare.intake.fields.reading import check_encoding, parse_columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("id=Handle", {"id": ("Handle",)}),
        ('id=Handle, image="Image, Src"', {"id": ("Handle",), "image": ("Image, Src",)}),
        ("image=Photo 1,image=Photo 2", {"image": ("Photo 1", "Photo 2")}),
        ("product_name=Name", {"title": ("Name",)}),
        ("price=Price = net", {"price": ("Price = net",)}),
    ],
)
def test_columns_are_named_by_field(text, columns):
    assert parse_columns(text) == columns


@pytest.mark.parametrize(
    ("text", "message"),
    [("id", "write FIELD=HEADER"), ("id=", "write FIELD=HEADER"), ("colour=Red", "no field 'colour'")],
)
def test_a_malformed_text_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_columns(text)


@pytest.mark.parametrize("name", ["no-such", "base64", "rot13", "a\0b"])
def test_only_text_encodings_are_encodings(name):
    with pytest.raises(ValueError, match="no such text encoding"):
        check_encoding(name)
    assert check_encoding("cp1251") == "cp1251"
