"""Finds the results of a query in index and catalog: in the order of the cosine, or with the category considered.

With the category considered, a row ranks by its cosine plus a bonus for its category. A row far down by cosine may then
be among the first, so the nearest rows alone are not enough candidates. But a row that a search did not find has at
most the cosine of the last row found, so its sum is at most this cosine plus the bonus of its category. While this is
above the sum of the last result, the search goes on: first among the rows of the most probable categories alone, then
deeper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lambda_app.recommendation.query import Match, Selection, SimilarQuery
from lambda_app.recommendation.searched import Index, Items
from lambda_app.recommendation.word_finder import WordFinder
from lambda_app.release.catalog import CatalogFilter, CatalogItem

# Of a release of one segment without dead rows, or of any other.

# A search that did not find enough is repeated with this many times as many rows.
_GROWTH = 4
# At most so many categories are searched on their own, each with at least this share of all bonuses. The rows of a less
# probable one are found as soon by a deeper search in all rows.
_MOST_CATEGORIES, _LEAST_SHARE = 4, 0.1
_NOTHING = -float("inf")


class Finder:
    """Searches one release. Immutable and thread-safe.

    Attributes:
        words: searches by words, for queries that have some.
    """

    def __init__(self, index: Index, catalog: Items) -> None:
        """Search this index, whose rows are those of the catalog."""
        self.words = WordFinder(index, catalog)
        self._index = index
        self._catalog = catalog

    def nearest(self, embedding: npt.NDArray[np.float32], selection: Selection) -> list[Match]:
        """The first results by cosine: fewer than `selection.query.k` only if fewer rows qualify.

        Args:
            embedding: float32 (d,), L2-normalised.
            selection: what qualifies as a result.
        """
        query = selection.query
        if query.words and (found := self.words.blended(embedding, selection, {})) is not None:
            return found
        search = self._search(embedding, query.where, selection)
        while True:
            matches = selection.pick(search.rows, search.scores, search.items)
            if len(matches) == query.k or search.bound < query.min_score or search.bound == _NOTHING:
                return matches
            search.deepen()

    def ranked(
        self, embedding: npt.NDArray[np.float32], selection: Selection, bonuses: Mapping[str, float]
    ) -> list[Match]:
        """The first results by cosine plus bonus. Otherwise as `nearest`.

        Args:
            bonuses: what is added to the cosine of a row, by its category; at least 0. Other categories get 0.
        """
        if selection.query.words and (found := self.words.blended(embedding, selection, bonuses)) is not None:
            return found
        whole = self._search(embedding, selection.query.where, selection)
        separate: dict[str, _Search] = {}
        while True:
            matches = selection.pick(*_in_order([whole, *separate.values()], bonuses))
            least = _NOTHING
            if len(matches) == selection.query.k:
                least = matches[-1].score + bonuses.get(matches[-1].item.category, 0.0)
            if not self._go_on(whole, separate, least, selection, bonuses):
                return matches

    def _go_on(
        self,
        whole: "_Search",
        separate: "dict[str, _Search]",
        least: float,
        selection: Selection,
        bonuses: Mapping[str, float],
    ) -> bool:
        """Search for rows that may rank above `least`. Returns False if there are none beside those found.

        Args:
            whole: the search in all rows that pass the filter.
            separate: the searches in the rows of one category, by its name; a new one may be added.
            least: the sum of cosine and bonus of the last result; minus infinity if there are too few results.
        """

        def may_miss(search: _Search, bonus: float) -> bool:
            return search.bound >= selection.query.min_score and search.bound + bonus > least

        unfinished = [search for name, search in separate.items() if may_miss(search, bonuses[name])]
        for search in unfinished:
            search.deepen()
        # The best of the other rows. Those of a category that `bonuses` does not name are always among them.
        other = max((name for name in bonuses if name not in separate), key=bonuses.__getitem__, default=None)
        bonus = 0.0 if other is None else bonuses[other]
        if not may_miss(whole, bonus):
            return bool(unfinished)
        if other is not None and len(separate) < _MOST_CATEGORIES and bonus > _LEAST_SHARE * sum(bonuses.values()):
            where = replace(selection.query.where, category=other)
            separate[other] = self._search(whole.embedding, where, selection)
        else:
            whole.deepen()
        return True

    def _search(self, embedding: npt.NDArray[np.float32], where: CatalogFilter, selection: Selection) -> "_Search":
        return _Search(self._index, self._catalog, embedding, where, first_fetch(selection.query, len(selection.rows)))


class _Search:
    """A search among the rows that pass a filter, which can go deeper.

    Attributes:
        rows: those found, the highest cosine first; `scores` are their cosines, `items` their catalog entries.
        bound: no other row that passes has a higher cosine; minus infinity if there is no other.
    """

    def __init__(
        self,
        index: Index,
        catalog: Items,
        embedding: npt.NDArray[np.float32],
        where: CatalogFilter,
        fetch: int,
    ) -> None:
        """Search for the first `fetch` rows."""
        self.embedding = embedding
        self._index, self._catalog = index, catalog
        self._allowed = None if where.empty else catalog.passing(where)
        self._available = index.count if self._allowed is None else len(self._allowed)
        self._run(fetch)

    def deepen(self) -> None:
        """Search for more rows."""
        self._run(_GROWTH * self._fetch)

    def _run(self, fetch: int) -> None:
        self.rows: Sequence[int] = ()
        self.scores: Sequence[float] = ()
        self.items: Sequence[CatalogItem] = ()
        self.bound = _NOTHING
        self._fetch = min(self._available, fetch)
        if self._available:
            found = self._index.search(self.embedding[np.newaxis], self._fetch, self._allowed)
            self.rows = [int(row) for row in found.rows[0] if row >= 0]
            self.scores = found.scores[0, : len(self.rows)].tolist()
            self.items = self._catalog.items(self.rows, described=False)
            if self._fetch < self._available:
                self.bound = float(found.scores[0, -1])


def first_fetch(query: SimilarQuery, excluded: int) -> int:
    """Rows that a search begins with: enough if products have two photos each."""
    return (2 if query.distinct == "product" else 1) * query.k + excluded


def _in_order(
    searches: Sequence[_Search], bonuses: Mapping[str, float]
) -> tuple[Sequence[int], Sequence[float], Sequence[CatalogItem]]:
    """The rows of all searches with cosines and items, the highest sum of cosine and bonus first."""
    found = {
        row: (score, item)
        for search in searches
        for row, score, item in zip(search.rows, search.scores, search.items, strict=True)
    }
    keys = {row: score + bonuses.get(item.category, 0.0) for row, (score, item) in found.items()}
    rows = sorted(found, key=lambda row: (-keys[row], -found[row][0], row))
    return rows, [found[row][0] for row in rows], [found[row][1] for row in rows]
