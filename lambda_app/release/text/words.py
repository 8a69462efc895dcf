"""Finds rows of a catalog by words: an inverted index in two plain tables of the catalog, ranked by BM25.

SQLite has a full-text index of its own, FTS5. It is not used here: its tables run native code on what a drop holds, its
queries are a language, and it cannot be told which rows pass a filter. Tests compare the ranking with that of FTS5.
`scripts/bench words` measures both.
"""

import sqlite3
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.release.text.tokens import QueryWord, words_of

# How text becomes words. Another way of splitting it needs another number: query and index must agree.
VERSION = 1
# A word of the title counts as much as so many words of the category's name. Of a description, each word counts as one
# of the category, however often it is there, so a word that is only there never has the frequency of one in the title.
TITLE_WEIGHT = 3
# The first words of a description are searched. They do not count in the length of a row, by which BM25 divides: else
# a listing would lose its place for having a description. `scripts/bench words` measures what they cost.
DESCRIPTION_WORDS = 100
# A word that only begins with the last word of a query counts so much of one that is equal to it.
BEGINNING_WEIGHT = 0.5
# The usual parameters of BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", section 3.4), as
# in FTS5. So is the smallest weight of a word, which words of more than half of all rows get.
K1, B, LEAST_WEIGHT = 1.2, 0.75, 1e-6

_MOST_FREQUENT, _LONGEST = 255, 65_535
_SIZES = {1: "<u1", 2: "<u2", 4: "<u4"}  # bytes of a gap
# Of the words that begin with the last word of a query, so many are used: those of most rows.
_MOST_CONTINUATIONS = 2_000
# The tables, by name. A catalog holds them as they are written here.
TABLES = {
    "words": "CREATE TABLE words (word TEXT PRIMARY KEY, count INTEGER NOT NULL, gaps BLOB NOT NULL, "
    "frequencies BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "word_lengths": "CREATE TABLE word_lengths (version INTEGER NOT NULL, lengths BLOB NOT NULL) STRICT",
}
_EQUAL = "SELECT word, count, gaps, frequencies FROM words WHERE word = ?"
_BEGUN = (
    "SELECT word, count, gaps, frequencies FROM words WHERE word IN "
    "(SELECT word FROM words WHERE word >= ? AND word < ? ORDER BY word = ? DESC, count DESC, word LIMIT ?)"
)

Fetch = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]


class WordsBuilder:
    """Collects the words of rows 0, 1, ..., in eight bytes per row and word."""

    def __init__(self) -> None:
        """Start without rows."""
        self._postings: dict[str, array[int]] = {}  # of each word, its rows and frequencies: row * 256 + frequency
        self._lengths = array("H")
        self._described: tuple[str | None, frozenset[str]] = (None, frozenset())

    def add(self, title: str | None, category: str, description: str | None = None) -> None:
        """Add the next row."""
        own, named = words_of(title or ""), words_of(category)
        if description != self._described[0]:  # the next photo of a listing has the same one
            self._described = (description, frozenset(words_of(description or "")[:DESCRIPTION_WORDS]))
        frequencies = Counter(own)
        for word in frequencies:
            frequencies[word] *= TITLE_WEIGHT
        frequencies.update(named)
        frequencies.update(self._described[1])
        row = len(self._lengths)
        for word, frequency in frequencies.items():
            self._postings.setdefault(word, array("Q")).append(row << 8 | min(frequency, _MOST_FREQUENT))
        self._lengths.append(min(len(own) + len(named), _LONGEST))

    def write(self, connection: sqlite3.Connection) -> None:
        """Create the tables in a catalog, and fill them."""
        for statement in TABLES.values():
            connection.execute(statement)
        connection.executemany("INSERT INTO words VALUES (?, ?, ?, ?)", self._packed())
        lengths = np.asarray(self._lengths, "<u2").tobytes()
        connection.execute("INSERT INTO word_lengths VALUES (?, ?)", (VERSION, lengths))

    def _packed(self) -> Iterator[tuple[str, int, bytes, bytes]]:
        for word in sorted(self._postings, key=str.encode):  # in the order of the table: each is put at its end
            postings = np.asarray(self._postings[word], np.uint64)
            gaps = np.diff((postings >> 8).astype(np.int64), prepend=0)
            size = next(size for size in _SIZES if gaps.max() < 1 << 8 * size)
            frequencies = (postings & 0xFF).astype(np.uint8)
            if (frequencies == frequencies[0]).all():
                frequencies = frequencies[:1]
            yield word, len(postings), gaps.astype(_SIZES[size]).tobytes(), frequencies.tobytes()


@dataclass(frozen=True, eq=False)
class Postings:
    """The rows that have a word.

    Attributes:
        rows: int64 (n,), ascending.
        frequencies: float32 (n,), how often each has it; in a title it counts `TITLE_WEIGHT` times.
    """

    rows: npt.NDArray[np.int64]
    frequencies: npt.NDArray[np.float32]

    @classmethod
    def from_bytes(cls, count: int, gaps: bytes, frequencies: bytes, total: int) -> "Postings":
        """Read what a row of the table `words` holds.

        Args:
            count: number of rows that have the word, at least 1.
            gaps: differences of these rows, the first from 0: unsigned integers of 1, 2 or 4 bytes, little-endian.
            frequencies: a byte of each row, or one that all of them share.
            total: rows of the catalog.

        Raises:
            ReleaseError: the bytes do not fit each other or the catalog.
        """
        try:
            size = len(gaps) // max(count, 1)
            rows = np.cumsum(np.frombuffer(gaps, _SIZES.get(size, "<u1")), dtype=np.int64)
            often = np.frombuffer(frequencies, np.uint8)
        except (TypeError, ValueError) as exc:
            raise ReleaseError(f"the rows of a word cannot be read: {exc}") from exc
        if not 0 < len(rows) == count or len(often) not in (1, count) or rows[-1] >= total:
            raise ReleaseError(
                f"{count} rows of a word do not fit {len(gaps)} bytes of gaps, {len(often)} frequencies and a catalog "
                f"of {total} rows"
            )
        return cls(rows, np.broadcast_to(often, rows.shape).astype(np.float32))


@dataclass(frozen=True, eq=False)
class WordMatches:
    """The rows that a query finds, best first: all with the same number of its words, the most that any row has.

    Attributes:
        rows: int64 (n,). The highest score first; rows with equal scores are ascending.
        scores: float32 (n,), the BM25 of each, above 0.
        words: how many words of the query each row has.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    words: int

    @property
    def ranks(self) -> npt.NDArray[np.int64]:
        """The place of each row from 1 on: int64 (n,). Rows with equal scores share one."""
        new = np.ones(len(self.scores), np.int64)
        new[1:] = self.scores[1:] < self.scores[:-1]
        return np.cumsum(new)


def merged(found: Sequence[WordMatches], starts: Sequence[int]) -> WordMatches:
    """The matches of several catalogs as those of one: of all rows, those with the most words.

    Args:
        found: the matches of each.
        starts: the number of each catalog's first row.
    """
    most = max(matches.words for matches in found)
    kept = [(matches, start) for matches, start in zip(found, starts, strict=True) if matches.words == most]
    rows = np.concatenate([matches.rows + start for matches, start in kept])
    scores = np.concatenate([matches.scores for matches, _ in kept])
    order = np.lexsort((rows, -scores))
    return WordMatches(rows[order], scores[order], most)


class WordIndex:
    """Reads the tables. Immutable and thread-safe, if `fetch` is."""

    def __init__(self, fetch: Fetch, lengths: bytes, count: int) -> None:
        """Read the words of a catalog.

        Args:
            fetch: runs a statement with its values.
            lengths: of the table `word_lengths`.
            count: rows of the catalog.

        Raises:
            ReleaseError: `lengths` does not fit the catalog.
        """
        if not isinstance(lengths, bytes) or len(lengths) != 2 * count:
            raise ReleaseError(f"the catalog holds {count} items; the lengths of its words are of another number")
        self._fetch = fetch
        self._count = count
        self._lengths = np.frombuffer(lengths, "<u2")

    @classmethod
    def of(cls, fetch: Fetch, count: int) -> "WordIndex | None":
        """The words of a catalog with `count` rows; None if it has none, or has them in a later version.

        Raises:
            ReleaseError: they do not fit the catalog.
        """
        if not fetch("SELECT 1 FROM sqlite_schema WHERE name = 'word_lengths'", []):
            return None
        found = fetch("SELECT lengths FROM word_lengths WHERE version = ?", [VERSION])
        return cls(fetch, found[0][0], count) if found else None

    def search(self, words: Sequence[QueryWord], allowed: npt.NDArray[np.bool_] | None = None) -> WordMatches:
        """The rows that have all words. If there are none, those that have the most of them.

        Args:
            words: different words, as of `query_words`.
            allowed: bool (rows of the catalog,), those that may be found; None: all.

        Raises:
            ReleaseError: the table is damaged.
        """
        # Of all rows of the catalog: adding to them is faster than joining the rows of each word.
        scores, found = np.zeros(self._count, np.float32), np.zeros(self._count, np.uint16)
        for word in words:
            postings = self._postings(word)
            scores[postings.rows] += self._scores(postings)
            found[postings.rows] += 1
        if allowed is not None:
            found[~allowed] = 0
        most = int(found.max(initial=0))
        rows = np.flatnonzero(found == most) if most else np.empty(0, np.int64)
        order = np.argsort(-scores[rows], kind="stable")
        return WordMatches(rows[order], scores[rows][order], most)

    @cached_property
    def _mean_length(self) -> float:
        return max(1.0, float(self._lengths.sum(dtype=np.int64)) / max(1, self._count))

    def _scores(self, postings: Postings) -> npt.NDArray[np.float32]:
        """BM25 of the rows of one word: float32 (n,)."""
        rows, frequencies = postings.rows, postings.frequencies
        weight = max(LEAST_WEIGHT, float(np.log((self._count - len(rows) + 0.5) / (len(rows) + 0.5))))
        lengths = self._lengths[rows].astype(np.float32)
        saturation = np.float32(K1 * (1 - B)) + np.float32(K1 * B / self._mean_length) * lengths
        scores = np.float32(weight * (K1 + 1)) * frequencies / (frequencies + saturation)
        return scores.astype(np.float32, copy=False)

    def _postings(self, word: QueryWord) -> Postings:
        """The rows of a word. Those of the words that begin with it too, if it is a prefix."""
        if word.prefix:
            stored = self._fetch(_BEGUN, [word.text, word.end, word.text, _MOST_CONTINUATIONS])
        else:
            stored = self._fetch(_EQUAL, [word.text])
        if not stored:
            return Postings(np.empty(0, np.int64), np.empty(0, np.float32))
        found = [Postings.from_bytes(count, gaps, often, self._count) for _, count, gaps, often in stored]
        if len(found) == 1 and stored[0][0] == word.text:
            return found[0]
        weights = [1.0 if text == word.text else BEGINNING_WEIGHT for text, *_ in stored]
        weighted = [weight * postings.frequencies for weight, postings in zip(weights, found, strict=True)]
        together = np.bincount(np.concatenate([postings.rows for postings in found]), np.concatenate(weighted))
        rows = np.flatnonzero(together)
        return Postings(rows, together[rows].astype(np.float32))
