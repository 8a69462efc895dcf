"""Prices in another currency than the one that is expected, cell by cell."""

from training.prepare.intake.fields.currencies import CROWN, code_in_brackets, known_code, may_mean
from training.prepare.intake.fields.prices import named_currency
from training.prepare.intake.fields.words import quoted

OTHER_CURRENCY = "other_currency"
_CROWNS = frozenset({"CZK", "DKK", "ISK", "NOK", "SEK"})


def other_currency(cell: str, expected: str, beside: str = "", header: str = "") -> str | None:
    """Why a price is in another currency than `expected`, in words; None if it names none or the expected one.

    Args:
        cell: the price, clean.
        expected: ISO 4217 code.
        beside: the cell of a column of currencies; "" if there is none.
        header: that of the price column, such as "Price (EUR)". It counts if neither cell names a currency.
    """
    named = [code for code in (named_currency(cell), known_code(beside)) if code]
    for code in named or filter(None, [code_in_brackets(header)]):
        if not _agrees(code, expected):
            return f"the price {quoted(cell[:60])} is in {code}, not in {expected}, the currency of the live release"
    return None


def _agrees(code: str, expected: str) -> bool:
    """Whether what a cell names, a code or the sign of several currencies, can be the expected one."""
    if code == CROWN:
        return expected in _CROWNS
    return code == expected or (code == "$" and may_mean(code, expected))
