"""Clean the text of a cell, and tell ids that a spreadsheet has damaged."""

import html
import re
import unicodedata

MISSING = frozenset({"", "n/a", "nan", "none", "null", "-"})
_LONGEST_MARK = max(map(len, MISSING))
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Characters without a width: soft hyphen, zero-width space, marks of direction, word joiner, byte order mark.
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"))
# Zero-width joiners belong to words of some scripts and to emoji, but not to an id.
_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d"))
# Excel writes 1234567890123456 as 1.23E+15: the other digits are lost.
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}")
# A formula that keeps Excel from reading a text as a number: ="00123"
_TEXT_FORMULA = re.compile(r'="([^"]*)"')


def clean(cell: str) -> str:
    """The text of a cell: entities of HTML decoded, invisible characters left out, in NFC, stripped."""
    text = cell
    if "&" in text:
        # Twice, because some exports escape what was escaped already.
        text = _ENTITY.sub(_decoded, _ENTITY.sub(_decoded, text))
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    text = text.strip()
    if text.startswith('="') and (formula := _TEXT_FORMULA.fullmatch(text)):
        return formula[1].strip()
    return text


def text_or_none(cell: str) -> str | None:
    """The clean text of a cell; None if it is empty or marks a missing value ("N/A", "null", "-", ...)."""
    # Most cells are plain, and this runs for every one.
    text = cell.strip() if cell.isascii() and "&" not in cell and "=" not in cell else clean(cell)
    return None if len(text) <= _LONGEST_MARK and text.lower() in MISSING else text


def id_or_none(cell: str) -> str | None:
    """Like `text_or_none`, without joiners either. Ids are compared in this form."""
    text = text_or_none(cell)
    return text if text is None or text.isascii() else text.translate(_JOINERS)


def is_scientific(value: str) -> bool:
    """Whether an id is a number as a spreadsheet shortens it, such as "1.23E+15". Different ids may become equal."""
    return "+" in value and _SCIENTIFIC.fullmatch(value) is not None


def _decoded(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])
