import pytest

from training.prepare.intake.cells import parse_price, root_category, text_or_none


@pytest.mark.parametrize("cell", ["", "  ", "N/A", "n/a", "nan", "NaN", "none", "None", "null", "-", " - ", "\r"])
def test_an_empty_cell_is_none(cell):
    assert text_or_none(cell) is None


@pytest.mark.parametrize("cell", ["Sofa", "0", "nano", "n/a-ish", "两\r人"])
def test_any_other_text_is_kept_without_surrounding_space(cell):
    assert text_or_none(f" {cell}\n") == cell


@pytest.mark.parametrize(
    ("cell", "root"),
    [
        ("Home & Garden / Garden & Patio / Other", "Home & Garden"),
        ("Home & Garden", "Home & Garden"),
        ("  Home &\u00a0 Garden/Other ", "Home & Garden"),
        ("Phones, Mobile Phones & Telecoms / Phones", "Phones, Mobile Phones & Telecoms"),
        ("N/A", None),
        ("N/A / Other", None),
        ("nan", None),
        (" / Other", None),
        ("/", None),
        ("", None),
    ],
)
def test_the_root_of_a_category_path_is_the_label(cell, root):
    assert root_category(cell) == root


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ("£1,234.00", 1234.0),
        ("£10,000,000.00", 10_000_000.0),
        ("£0.00", 0.0),
        ("12", 12.0),
        ("12.", 12.0),
        (".5", 0.5),
        (" £ 1 234.50 ", 1234.5),
        ("£1\u00a0234", 1234.0),
        ("1234.5 GBP", 1234.5),
        ("Â£20", 20.0),
        ("$3", 3.0),
        ("20€", 20.0),
    ],
)
def test_prices_are_read_in_the_usual_formats(cell, price):
    assert parse_price(cell) == price


@pytest.mark.parametrize(
    "cell",
    ["", "N/A", "free", "-5", "£-5", "nan", "inf", "1e9", "1,23", "12,34.00", "1.2.3", "£", "£5 ono", "٣", "9" * 400],
)
def test_text_that_is_not_an_amount_is_not_a_price(cell):
    assert parse_price(cell) is None
