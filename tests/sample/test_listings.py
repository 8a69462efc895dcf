"""Tests of `sample.listings`."""

import re
from collections import Counter

import pytest

from sample.listings import BEYOND_ASCII, ROUND, listing
from sample.picture.identity import identity

ALL = [(number, listing(number, identity(number, 0), 0, Counter())) for number in range(40 * ROUND)]


def test_undamaged_prices_are_pounds_with_thousands_separators():
    sound = [text.price for number, text in ALL if number % ROUND not in (1, 2, 3)]
    assert all(re.fullmatch(r"£(\d{1,3})(,\d{3})*\.\d\d", price) for price in sound)
    assert any("," in price for price in sound)
    assert "£10,000,000.00" in sound


def test_categories_are_paths_under_their_root():
    assert all(text.category.startswith(f"{identity(number, 0).category.name} / ") for number, text in ALL)


def test_the_only_characters_beyond_ascii_are_the_declared_ones():
    text = "".join(f"{each.title}{each.description}{each.price}{each.location}" for _, each in ALL)
    assert {character for character in text if ord(character) > 127} == set(BEYOND_ASCII)


@pytest.mark.parametrize(
    ("mess", "holds"),
    [
        ("bare CR unquoted", lambda text: "\r" in text.description and not set(',"\n') & set(text.description)),
        ("bare CR quoted", lambda text: "\r" in text.description and "," in text.description),
        ("newline quoted", lambda text: "\n" in text.description),
        ("quotes and commas", lambda text: {'"', ","} <= set(text.description)),
        ("title with quotes and commas", lambda text: {'"', ","} <= set(text.title)),
        ("price missing", lambda text: text.price == ""),
        ("price N/A", lambda text: text.price == "N/A"),
        ("price junk", lambda text: not any(mark in text.price for mark in ("£1", "N/A")) and text.price != ""),
        ("title missing", lambda text: text.title == ""),
        ("location N/A", lambda text: text.location == "N/A"),
    ],
)
def test_each_planted_defect_occurs(mess, holds):
    counted = 0
    for number in range(2 * ROUND):
        planted: Counter[str] = Counter()
        text = listing(number, identity(number, 0), 0, planted)
        if planted[mess]:
            counted += 1
            assert holds(text)
    assert counted >= 1
