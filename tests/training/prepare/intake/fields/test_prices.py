import pytest

from training.prepare.intake.fields.prices import PriceColumn
from training.prepare.intake.fields.text import clean

POINT = ["10.50", "3.99", "1,080.00"]
COMMA = ["10,50", "3,99", "1.080,00"]


def prices(cells, others=()):
    column = PriceColumn()
    texts = [clean(cell) for cell in [*cells, *others]]
    for text in texts:
        column.observe(text)
    column.decide()
    return [column.price(text) for text in texts[: len(cells)]], column


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
        ("1\u202f234.50", 1234.5),
        ("1'234.50", 1234.5),
        ("1234.5 GBP", 1234.5),
        ("Â£20", 20.0),
        ("$3", 3.0),
        ("20€", 20.0),
        ("12.99 EUR", 12.99),
        ("US $12.00", 12.0),
        ("£10.00 GBP", 10.0),
        ("$10 CAD", 10.0),
        ("Rs. 500", 500.0),
        ("₹1,23,456.00", 123_456.0),
        ("12.-", 12.0),
        ("₹ 1,29,999/-", 129_999.0),
        ("1 299:-", 1299.0),
        ("$1,299.00 MXN", 1299.0),
        ("１，２９９円", 1299.0),
        ("&pound;5", 5.0),
        ("£1.234.567", 1_234_567.0),
        ("1.234,50 €", 1234.5),
    ],
)
def test_prices_are_read_as_people_write_them(cell, price):
    assert prices([cell], POINT)[0] == [price]


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ("1,50 €", 1.5),
        ("1.299 €", 1299.0),
        ("€12,-", 12.0),
        ("1 234,50", 1234.5),
        ("0,99", 0.99),
        ("R$ 25,00", 25.0),
        ("12.345.678", 12_345_678.0),
        ("10 kr", 10.0),
    ],
)
def test_a_comma_before_the_decimals_is_read_if_the_file_has_it(cell, price):
    assert prices([cell], COMMA)[0] == [price]


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "N/A",
        "free",
        "on request",
        "from £10",
        "£5 ono",
        "-5",
        "£-5",
        "(5.00)",
        "nan",
        "inf",
        "1e9",
        "1,23",
        "12,34.00",
        "1.2.3",
        "£",
        "٣",
        "9" * 400,
        "£10 £20",
        "£10 - £20",
        "10/20",
        "10 20",
        "$1,2",
        "10 EUR GBP",
        "1 23",
        "5,50 / 6",
    ],
)
def test_anything_else_is_null(cell):
    assert prices([cell], POINT * 10)[0] == [None]


@pytest.mark.parametrize(
    ("cell", "others", "price"),
    [
        ("1.299 €", [], None),
        ("1.299 €", ["5 €"], None),
        ("1.299 €", ["2.499 €", "10.999 €"], 1299.0),
        ("1.299 €", COMMA, 1299.0),
        ("1.299", POINT, None),
        ("1,299", POINT, 1299.0),
        ("1,299", COMMA, None),
        ("1,299", [], None),
        ("£1,299", [], 1299.0),
        ("1.299", ["0.500", "1234.750"], 1.299),
        ("1.299", [*POINT, *COMMA], None),
        ("12,50", POINT * 20, None),
        ("12,50", [*POINT, *COMMA], 12.5),
    ],
)
def test_three_digits_behind_one_mark_mean_what_the_other_prices_say(cell, others, price):
    assert prices([cell], others)[0] == [price]


def test_each_currency_has_its_own_marks():
    cells = ["1.299 EUR", "1,299 USD", "10,50 EUR", "10.50 USD", "3,99 EUR", "3.99 USD"]
    assert prices(cells)[0] == [1299.0, 1299.0, 10.5, 10.5, 3.99, 3.99]


@pytest.mark.parametrize(
    ("cells", "currency"),
    [
        (["12.99 EUR", "5 €", "7"], "EUR"),
        (["£5", "5 €"], None),
        (["$5", "6 USD"], "USD"),
        (["$5"], "USD"),
        (["$5", "6 CAD"], None),
        (["A$5", "AU$6"], "AUD"),
        (["10 kr"], None),
        (["5", ""], None),
    ],
)
def test_the_currency_is_that_on_which_all_agree(cells, currency):
    assert prices(cells)[1].currency == currency


def test_several_currencies_are_said():
    assert prices(["£5", "5 €", "£6"])[1].warnings() == [
        "prices are in several currencies, and are compared as plain numbers: GBP (2), EUR (1)"
    ]


def test_a_column_or_a_header_may_name_the_currency():
    column = PriceColumn()
    column.observe("5.00")
    column.observe_currency("eur")
    column.decide()
    assert column.currency == "EUR"


@pytest.mark.parametrize(
    ("cell", "named", "currency"),
    [("$5.00", "CAD", "CAD"), ("$5", "MXN", "MXN"), ("5 kr", "SEK", "SEK"), ("$5", "EUR", None), ("5 €", "CAD", None)],
)
def test_a_column_of_currencies_says_which_dollars_or_crowns(cell, named, currency):
    column = PriceColumn()
    column.observe(cell)
    column.observe_currency(named)
    column.decide()
    assert column.currency == currency
    assert bool(column.warnings()) == (currency is None)
