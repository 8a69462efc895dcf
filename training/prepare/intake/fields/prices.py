"""Prices. Whether a point or a comma stands before the decimals is decided by all cells of the column.

"1.299 €" is 1299 if the file's other prices say so; else nobody can know, and the price is null. Libraries for numbers
(babel) want to be told the locale, and price-parser takes the first of two amounts, so this is own code.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import Literal, NamedTuple

from training.prepare.intake.fields.currencies import (
    CODES,
    COMMA_GROUPS,
    CROWN,
    DOLLAR,
    currency_at,
    known_code,
    may_mean,
)

# A currency, one number, a currency. "12,-", "12.—", "12:-" (Sweden) and "12/-" (India) are whole amounts.
_AMOUNT = re.compile(
    r"([^0-9.,\-+()]*(?:(?<=[^\W\d_])\.\s*)?)"
    r"([.,]?[0-9](?:[0-9.,\s'’]*[0-9])?)"
    r"(?:[.,]\s?(?:-{1,2}|–|—)?|\s?[:/]-)?([^0-9]*)"
)
# The usual ways to write one. Most cells are such, and are read without a closer look.
_USUAL = re.compile(r"([£$€]?)([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4}(?=\.))(?:\.([0-9]{2}))?(?: ([A-Z]{3}))?")
_USUAL_SIGNS = {"": "", "£": "GBP", "$": DOLLAR, "€": "EUR"}
_BLANKS = re.compile(r"[\s'’]")
_BLANK_GROUPS = re.compile(r"([0-9]{1,3}(?:[\s'’][0-9]{3})+)([.,][0-9]+)?")
_POINT_GROUPS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+")
_COMMA_GROUPS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
_LONGEST = 60
# Digits and marks of the width of a Chinese or Japanese character.
_WIDE = {0xFF01 + at: 0x21 + at for at in range(94)}
# A file speaks with one voice if at most this share of its clear prices says otherwise: a few are typing errors.
_DISSENT = 0.05
# From this many different prices on, "1.299", "2.499" and "10.999" are thousands: no shop always has three decimals.
_ALIKE = 3

Mark = Literal[".", ","]


class _Amount(NamedTuple):
    """A number as it is written.

    Attributes:
        currency: see `currency_at`.
        whole, decimals: digits before and after the last mark, if it separates decimals.
        mark: the last mark; "" if there is none.
        votes: the decimal mark of this file, as this number shows; "" if it shows nothing.
        ambiguous: one mark with three digits behind: thousands or decimals.
    """

    currency: str
    whole: str
    decimals: str = ""
    mark: str = ""
    votes: str = ""
    ambiguous: bool = False


class PriceColumn:
    """A column of prices: first it looks at every cell, then it reads them."""

    def __init__(self) -> None:
        self._votes: dict[str, Counter[str]] = {}
        self._three_decimals: set[str] = set()
        self._alike: dict[str, set[str]] = {".": set(), ",": set()}
        self._currencies: Counter[str] = Counter()
        # Those that a header or a column of currencies names: they say which dollars or crowns the prices are.
        self._named: set[str] = set()
        self._mark: dict[str, str] = {}
        self._points = False
        self._usual: Counter[tuple[str, bool]] = Counter()

    def observe(self, cell: str) -> None:
        """Look at a clean cell."""
        usual = _USUAL.fullmatch(cell)
        if usual and (currency := _usual_currency(usual[1], usual[4])) is not None:
            self._usual[currency, usual[3] is not None] += 1
            return
        amount = _amount(cell)
        if amount is None:
            return
        if amount.currency:
            self._currencies[amount.currency] += 1
        if amount.votes:
            self._votes.setdefault(amount.currency, Counter())[amount.votes] += 1
            if len(amount.decimals) == 3:
                self._three_decimals.add(amount.mark)
        elif amount.ambiguous and len(self._alike[amount.mark]) < _ALIKE:
            self._alike[amount.mark].add(amount.whole + amount.decimals)

    def observe_currency(self, cell: str) -> None:
        """Look at a clean cell of the column of currencies, or at that in a header."""
        code = known_code(cell)
        if code:
            self._currencies[code] += 1
            self._named.add(code)

    def decide(self) -> None:
        """Decide on the marks. Call it after every cell was observed, before the first is read."""
        for (currency, decimals), count in self._usual.items():
            if currency:
                self._currencies[currency] += count
            if decimals:
                self._votes.setdefault(currency, Counter())["."] += count
        every: Counter[str] = sum(self._votes.values(), Counter())
        alike = {mark for mark, seen in self._alike.items() if len(seen) >= _ALIKE}
        if not every and len(alike) == 1:
            every[_other(alike.pop())] += 1
        self._mark = {currency: _agreed(votes) for currency, votes in self._votes.items()}
        self._mark["any"] = _agreed(every)
        self._points = set(self._mark.values()) == {"."}

    @property
    def decimal_mark(self) -> str:
        """The decimal mark of the file, "." or ","; "" if its prices do not tell or do not agree."""
        return self._mark.get("any", "")

    @property
    def currency(self) -> str | None:
        """ISO code of the currency, if the file names one and only one."""
        codes = set(self._currencies)
        if len(self._named) == 1:
            codes -= {sign for sign in (DOLLAR, CROWN) if may_mean(sign, min(self._named))}
        if DOLLAR in codes and not any(code.endswith("D") for code in codes - {"USD"}):
            codes = codes - {DOLLAR} | {"USD"}
        return codes.pop() if len(codes) == 1 and codes.isdisjoint({CROWN, DOLLAR}) else None

    def price(self, cell: str) -> float | None:
        """The amount in a clean cell, zero or more.

        None if it is not one: other words ("free", "from £10", "on request"), two amounts, negative, not finite, or a
        mark whose meaning the file does not tell.
        """
        usual = _USUAL.fullmatch(cell) if self._points else None
        if usual and _usual_currency(usual[1], usual[4]) is not None:
            return float(f"{usual[2].replace(',', '')}.{usual[3] or 0}")
        amount = _amount(cell)
        if amount is None:
            return None
        if not amount.mark or (amount.votes and not amount.decimals):
            return _number(amount.whole)
        mark = self._mark.get(amount.currency) or self._mark.get("any", "")
        if amount.ambiguous:
            return self._ambiguous(amount, mark)
        if (mark != amount.mark if mark else not amount.votes) and not _both(cell):
            return None
        return _number(f"{amount.whole or 0}.{amount.decimals}")

    def _ambiguous(self, amount: _Amount, mark: str) -> float | None:
        if not mark and amount.mark == "," and amount.currency in COMMA_GROUPS:
            mark = "."
        if not mark or (mark == amount.mark and mark not in self._three_decimals):
            return None
        return _number(amount.whole + ("." if mark == amount.mark else "") + amount.decimals)

    def warnings(self) -> list[str]:
        """What a person should know about the currencies."""
        if len(self._currencies) > 1 and self.currency is None:
            named = ", ".join(f"{code} ({count:,})" for code, count in self._currencies.most_common(5))
            return [f"prices are in several currencies, and are compared as plain numbers: {named}"]
        return []


def named_currency(cell: str) -> str:
    """The currency that stands beside the amount in a clean cell, as in `currency_at`; "" if there is none."""
    amount = _amount(cell)
    return amount.currency if amount else ""


def _usual_currency(sign: str, code: str | None) -> str | None:
    """The currency of a usual price; None if that needs a closer look."""
    if code is None:
        return _USUAL_SIGNS[sign]
    return None if sign or code not in CODES else code


@lru_cache(maxsize=10_000)
def _amount(cell: str) -> _Amount | None:
    """The number in a cell; None if there is none, or more than one."""
    cell = cell if cell.isascii() else cell.translate(_WIDE)
    found = _AMOUNT.fullmatch(cell) if len(cell) <= _LONGEST else None
    currency = currency_at(found[1], found[3]) if found else None
    if found is None or currency is None:
        return None
    number, grouped = found[2], False
    if _BLANKS.search(number):
        groups = _BLANK_GROUPS.fullmatch(number)
        if groups is None or len(set(_BLANKS.findall(number))) > 1:
            return None
        number, grouped = _BLANKS.sub("", groups[1]) + (groups[2] or ""), True
    return _marked(number, currency, grouped)


def _marked(number: str, currency: str, grouped: bool) -> _Amount | None:
    """What the marks of a number without blanks mean. `grouped`: blanks separated its thousands."""
    mark, other = (".", ",") if number.rfind(".") >= number.rfind(",") else (",", ".")
    whole, found, decimals = number.rpartition(mark)
    if not found:
        return _Amount(currency, number)
    count = number.count(mark)
    if other in whole:
        groups = _POINT_GROUPS if mark == "," else _COMMA_GROUPS
        if count > 1 or not groups.fullmatch(whole):
            return None
        return _Amount(currency, whole.replace(other, ""), decimals, mark, votes=mark)
    if count > 1:
        groups = _POINT_GROUPS if mark == "." else _COMMA_GROUPS
        return _Amount(currency, number.replace(mark, ""), "", mark, other) if groups.fullmatch(number) else None
    if len(decimals) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0" and not grouped:
        return _Amount(currency, whole, decimals, mark, ambiguous=True)
    # "$1,2" is a typing error, unless others of the file are like it.
    clear = mark == "." or len(decimals) != 1 or currency not in COMMA_GROUPS
    return _Amount(currency, whole, decimals, mark, votes=mark if clear else "")


def _both(cell: str) -> bool:
    """Whether a number has points and commas, so that it is clear in any file."""
    cell = cell.translate(_WIDE)
    return "." in cell and "," in cell


def _agreed(votes: Counter[str]) -> str:
    """The mark that nearly all votes are for; "" if there is none."""
    most = max(votes, key=votes.__getitem__, default="")
    return most if most and votes[most] >= (1 - _DISSENT) * votes.total() else ""


def _other(mark: str) -> str:
    return "," if mark == "." else "."


def _number(text: str) -> float | None:
    return float(text) if len(text) <= 18 else None
