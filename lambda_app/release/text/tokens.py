"""Splits text into the words under which a catalog is searched. Titles and queries are split by the same rules.

Case and diacritics do not count, and everything but letters, digits and their marks separates words. Scripts that are
written without blanks, such as Chinese, have no separators: there, every two neighbouring characters are a word.
"""

import re
import unicodedata
from dataclasses import dataclass

# A longer word is cut, in titles and in queries, so that it stays a small key.
MOST_CHARACTERS = 40
# Scripts that are written without blanks between words, or with compounds that people search by their parts: Thai and
# Lao, Myanmar, Khmer, kana, Han, Hangul.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
_ASCII_WORD = re.compile("[a-z0-9]+")
# Marks that people leave out when they search: diacritics, the points of Hebrew, the vowels of Arabic and its
# lengthening, and the selectors between a symbol's forms. The marks of other scripts are parts of their letters.
_DROPPED = (
    (0x0300, 0x036F),
    (0x0591, 0x05C7),
    (0x0640, 0x0640),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0xFE00, 0xFE0F),
    (0xE0100, 0xE01EF),
)
# Letters that Unicode does not decompose into a base and a mark.
_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"}
_LAST_CODE_POINT = "\U0010ffff"  # no character, so no word has it


@dataclass(frozen=True)
class QueryWord:
    """A word of a query.

    Attributes:
        text: the word, as `words_of` gives it.
        prefix: whether words that begin with it are found too.
    """

    text: str
    prefix: bool = False

    @property
    def end(self) -> str:
        """Words from `text` up to this, in the order of their UTF-8 bytes, begin with `text`."""
        return self.text + _LAST_CODE_POINT


def words_of(text: str) -> list[str]:
    """The words of a text, in their order, with repetitions.

    Of a run of n characters of an unspaced script, these are its n - 1 pairs of neighbours and its last character. So
    every character begins one of its words.
    """
    words: list[str] = []
    for run, unspaced in _runs(text):
        words += [run[at : at + 2] for at in range(len(run))] if unspaced else [run]
    return words


def query_words(text: str) -> tuple[QueryWord, ...]:
    """The different words that an item should have, in the order of the query; empty if the text has no word.

    The last word may be the beginning of one. So may a single character of an unspaced script, wherever it stands,
    because it is then the beginning of all pairs that it begins.
    """
    words: dict[str, QueryWord] = {}
    runs = _runs(text)
    for number, (run, unspaced) in enumerate(runs, start=1):
        if unspaced and len(run) > 1:
            found = [QueryWord(run[at : at + 2]) for at in range(len(run) - 1)]
        else:
            found = [QueryWord(run, prefix=unspaced or number == len(runs))]
        for word in found:
            words[word.text] = QueryWord(word.text, word.prefix or words.get(word.text, word).prefix)
    return tuple(words.values())


def _runs(text: str) -> list[tuple[str, bool]]:
    """The text folded and split at its separators, and where an unspaced script begins or ends: run, whether unspaced.

    Words are cut to `MOST_CHARACTERS`.
    """
    if text.isascii():
        return [(word[:MOST_CHARACTERS], False) for word in _ASCII_WORD.findall(text.lower())]
    # Compatibility forms first, so that full-width letters are letters. Hangul, which this takes apart, is composed
    # again after the marks are gone.
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_FOLDING)
    runs: list[tuple[str, bool]] = []
    for chunk in unicodedata.normalize("NFC", folded).split():
        for number, run in enumerate(_UNSPACED.split(chunk)):  # the odd ones are unspaced
            if run:
                runs.append((run, True) if number % 2 else (run[:MOST_CHARACTERS], False))
    return runs


class _Folding(dict[int, str]):
    """What becomes of each character, for `str.translate`. Filled as characters appear."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Cf" or any(first <= code <= last for first, last in _DROPPED):
            folded = ""
        elif category[0] in "LN" or category in ("Mn", "Mc"):
            folded = _LETTERS.get(char, char)
        else:
            folded = " "
        if code <= 0xFFFF:  # those beyond are rare, and many
            self[code] = folded
        return folded


_FOLDING = _Folding()
