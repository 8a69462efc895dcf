"""Parse the cells of a listings export: text, root category, price."""

import math
import re

MISSING = frozenset({"", "n/a", "nan", "none", "null", "-"})
# "Â£" is a pound sign in UTF-8 that was decoded as Latin-1.
_CURRENCY = re.compile(r"Â?[£$€¥₹]|GBP|USD|EUR|\s", re.IGNORECASE)
_AMOUNT = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


def text_or_none(cell: str) -> str | None:
    """The stripped text of a cell; None if it is empty or marks a missing value ("N/A", "null", "-", ...)."""
    text = cell.strip()
    return None if text.lower() in MISSING else text


def root_category(cell: str) -> str | None:
    """The root of a category path: "Home & Garden / Garden & Patio / Other" gives "Home & Garden". None if missing."""
    root = text_or_none(cell.split(" / ")[0])
    return None if root is None else text_or_none(" ".join(root.split("/")[0].split()))


def parse_price(cell: str) -> float | None:
    """The number in a price such as "£1,234.00"; None if the cell is not an amount of zero or more."""
    amount = _CURRENCY.sub("", cell)
    if not _AMOUNT.fullmatch(amount):
        return None
    price = float(amount.replace(",", ""))
    return price if math.isfinite(price) else None
