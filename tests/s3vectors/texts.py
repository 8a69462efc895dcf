"""Full-text search of one metadata key: BM25 over lower-case words."""

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text as the analyser sees them."""
    return _WORD.findall(text.lower())


class TextIndex:
    """Which texts have which words, and how often."""

    def __init__(self, texts: Iterable[tuple[int, str]], slots: int) -> None:
        """Read the texts.

        Args:
            texts: slot and text of each vector that has one.
            slots: how many there are.
        """
        self._lengths = np.zeros(slots, np.float64)
        self._texts = 0
        # Per word: slot, frequency, slot, frequency, ...
        self._postings: dict[str, array[int]] = {}
        for slot, text in texts:
            found = Counter(words(text))
            self._lengths[slot] = found.total()
            self._texts += 1
            for word, times in found.items():
                self._postings.setdefault(word, array("I")).extend((slot, times))

    def scores(self, query: str) -> NDArray[np.float64]:
        """The BM25 score of each slot, 0 without a word of the query."""
        scores = np.zeros(len(self._lengths))
        mean = self._lengths.sum() / max(1, self._texts)
        for word in set(words(query)):
            if word in self._postings:
                posted = np.frombuffer(self._postings[word], np.uint32).reshape(-1, 2)
                slots, times = posted[:, 0], posted[:, 1].astype(np.float64)
                rarity = math.log(1 + (self._texts - len(slots) + 0.5) / (len(slots) + 0.5))
                scores[slots] += rarity * times * (K1 + 1) / (times + K1 * (1 - B + B * self._lengths[slots] / mean))
        return scores
