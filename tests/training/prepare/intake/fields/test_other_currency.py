import pytest

from training.prepare.intake.fields.other_currency import other_currency


@pytest.mark.parametrize(
    ("cell", "expected", "beside", "header"),
    [
        ("£488.00", "GBP", "", ""),
        ("20", "GBP", "", ""),
        ("20", "GBP", "gbp", "Price (EUR)"),
        ("$20", "AUD", "", ""),
        ("20 kr", "SEK", "", ""),
        ("on request", "GBP", "", "Price"),
    ],
)
def test_a_price_without_a_currency_or_in_the_expected_one_is_fine(cell, expected, beside, header):
    assert other_currency(cell, expected, beside, header) is None


@pytest.mark.parametrize(
    ("cell", "expected", "beside", "header", "told"),
    [
        ("$20", "GBP", "", "", "the price '$20' is in $, not in GBP"),
        ("€30", "GBP", "GBP", "", "the price '€30' is in EUR, not in GBP"),
        ("30", "GBP", "EUR", "", "the price '30' is in EUR, not in GBP"),
        ("30", "GBP", "", "Price (EUR)", "the price '30' is in EUR, not in GBP"),
        ("20 kr", "GBP", "", "", "the price '20 kr' is in kr, not in GBP"),
    ],
)
def test_a_price_in_another_currency_is_told_with_its_value(cell, expected, beside, header, told):
    assert told in (other_currency(cell, expected, beside, header) or "")
