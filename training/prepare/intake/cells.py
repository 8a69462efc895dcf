"""What a cell of a listings export means: text or nothing, a root category, a price."""

import math
import re

MISSING = frozenset({"", "n/a", "nan", "none", "null", "-"})
# "Â£" is the pound sign of a UTF-8 export that was once read as Latin-1.
_CURRENCY = re.compile(r"Â?[£$€¥₹]|GBP|USD|EUR|\s", re.IGNORECASE)
_AMOUNT = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


def text_or_none(cell: str) -> str | None:
    """Strip a cell; None if it is empty or says that nothing is there ("N/A", "null", "-", ...)."""
    text = cell.strip()
    return None if text.lower() in MISSING else text


def root_category(cell: str) -> str | None:
    """The label of a category path: "Home & Garden / Garden & Patio / Other" is "Home & Garden". None without one."""
    root = text_or_none(cell.split(" / ")[0])
    return None if root is None else text_or_none(" ".join(root.split("/")[0].split()))


def parse_price(cell: str) -> float | None:
    """A price such as "£1,234.00" as a number of its currency; None for anything but an amount of zero or more."""
    amount = _CURRENCY.sub("", cell)
    if not _AMOUNT.fullmatch(amount):
        return None
    price = float(amount.replace(",", ""))
    return price if math.isfinite(price) else None
