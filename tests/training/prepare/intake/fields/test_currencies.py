import pytest

from training.prepare.intake.fields.currencies import code_in_brackets, currency_at, known_code


@pytest.mark.parametrize(
    ("before", "after", "currency"),
    [
        ("£", "", "GBP"),
        ("", " zł", "PLN"),
        ("US $", "", "USD"),
        ("", "eur", "EUR"),
        ("£", " GBP", "GBP"),
        ("$", " CAD", "CAD"),
        ("$", "", "$"),
        ("", " kr.", "kr"),
        ("", "", ""),
        ("£", " EUR", None),
        ("$", " EUR", None),
        ("from ", "", None),
        ("", "%", None),
    ],
)
def test_the_signs_beside_a_number_give_its_currency(before, after, currency):
    assert currency_at(before, after) == currency


@pytest.mark.parametrize(
    ("header", "code"), [("Price (EUR)", "EUR"), ("price [£]", "GBP"), ("Price", None), ("Price (net)", None)]
)
def test_a_header_may_name_the_currency_in_brackets(header, code):
    assert code_in_brackets(header) == code


def test_only_known_codes_are_codes():
    assert (known_code("usd"), known_code("$"), known_code("ABC"), known_code("")) == ("USD", "USD", None, None)
