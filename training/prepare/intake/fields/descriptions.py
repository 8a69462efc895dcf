"""Descriptions of listings: HTML, as shops export it, becomes plain text of bounded length."""

import re

from training.prepare.intake.fields.text import text_or_none

# A longer description is cut. The page shows a few lines, and a search reads the first 100 words.
MOST_CHARACTERS = 1_000
# So many characters of a cell are read, because tags and styles may be longer than the text.
MOST_READ = 200_000
# A cut is at a blank if one of the last characters is one.
_LAST = 100
# A tag, with quoted values that may hold ">"; a comment begins like one. No part reaches over the next "<", so however
# many there are, each character is looked at a few times only.
_TAG = re.compile(
    r"<(?:(?P<comment>!--)|(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]*)(?=[\s/>])"
    r"""(?:(?:[^<>"']|"[^"<]*"|'[^'<]*')*>|[^<>]*>)|[!?][^<>]*>)"""
)
# A tag that is cut off at the end of a cell.
_UNFINISHED = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*\s[^<>]*=[^<>]*")
# These stand within a word; all others separate words.
_INLINE = re.compile(
    "a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|time|tt|u"
    "|var|wbr"
)
_NO_TEXT = re.compile("head|iframe|noscript|script|style|svg|template")
_NO_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def description_or_none(cell: str) -> tuple[str | None, bool]:
    """The text of a cell, and whether it was cut; None for no text, and for marks of a missing value such as "N/A".

    Tags, comments, scripts and styles are left out, entities decoded, all white space becomes single blanks. Characters
    are those of `text_or_none`, without control characters.
    """
    if not cell or cell.isspace():
        return None, False
    bare, tags = _without_tags(_read(cell))
    text = text_or_none(bare)
    if text is not None and not tags and "<" in text:  # the tags themselves were written as entities
        text = text_or_none(_without_tags(text)[0])
    text = text and text_or_none(" ".join(_NO_CHARACTER.sub(" ", text).split()))
    if text is None or len(text) <= MOST_CHARACTERS:
        return text, len(cell) > MOST_READ
    blank = text.rfind(" ", MOST_CHARACTERS - _LAST, MOST_CHARACTERS + 1)
    return text[: blank if blank > 0 else MOST_CHARACTERS], True


def _read(cell: str) -> str:
    """The part of a cell that is read, without the marks of CDATA and a tag that is cut off at its end."""
    text = cell[:MOST_READ].replace("<![CDATA[", " ").replace("]]>", " ")
    last = text.rfind("<")
    torn = last >= 0 and (_UNFINISHED.fullmatch(text, last) or (len(cell) > MOST_READ and text.find(">", last) < 0))
    return text[:last] if torn else text


def _without_tags(text: str) -> tuple[str, int]:
    """The text without tags and without what they enclose if that is no text; the number of tags."""
    parts: list[str] = []
    at = count = 0
    open_ended: set[str] = set()  # what has no end from here on
    while tag := _TAG.search(text, at):
        parts.append(text[at : tag.start()])
        at, count = tag.end(), count + 1
        name = "--" if tag["comment"] else (tag["name"] or "").lower()
        if not _INLINE.fullmatch(name):
            parts.append(" ")
        hides = name == "--" or (_NO_TEXT.fullmatch(name) and not tag["end"] and not tag[0].endswith("/>"))
        if hides and name not in open_ended:
            end = re.compile("-->" if name == "--" else rf"</{name}(?=[\s/>])", re.IGNORECASE).search(text, at)
            if end is None:
                open_ended.add(name)
            else:
                at = end.end() if name == "--" else end.start()
    return "".join([*parts, text[at:]]), count
