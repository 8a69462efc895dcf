"""Finds the results of a query with an engine: in the order of the cosine, or with the category considered.

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
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.search.engine import NOTHING, Engine, Search

# At most so many categories are searched on their own, each with at least this share of all bonuses. The rows of a less
# probable one are found as soon by a deeper search in all rows.
_MOST_CATEGORIES, _LEAST_SHARE = 4, 0.1
# A search begins with enough rows if products have so many photos each. Going deeper costs little here, and a round
# trip if the engine is a service.
_PHOTOS, _PHOTOS_REMOTE = 2, 4


class Finder:
    """Searches one release. Immutable and thread-safe."""

    def __init__(self, engine: Engine) -> None:
        """Search with this engine."""
        self._engine = engine

    def nearest(self, embedding: npt.NDArray[np.float32], selection: Selection) -> list[Match]:
        """The first results by cosine: fewer than `selection.query.k` only if fewer rows qualify.

        If the query has words that an item has, the first results by words and picture together.

        Args:
            embedding: float32 (d,), L2-normalised.
            selection: what qualifies as a result.
        """
        query = selection.query
        if query.words and (found := self._engine.blended(embedding, query.words, query.where, {})) is not None:
            return _picked(found, selection)
        (search,) = self._searches(embedding, [query.where], selection)
        return _picked(search, selection)

    def by_words(self, selection: Selection) -> list[Match]:
        """The first results by words alone. Their scores are NaN, because there is no picture.

        Args:
            selection: what qualifies as a result; its query has words.

        Raises:
            NotSupportedError: the catalogue has no index of words.
        """
        return _picked(self._engine.by_words(selection.query.words, selection.query.where), selection)

    def ranked(
        self, embedding: npt.NDArray[np.float32], selection: Selection, bonuses: Mapping[str, float]
    ) -> list[Match]:
        """The first results by cosine plus bonus. Otherwise as `nearest`.

        Args:
            bonuses: what is added to the cosine of a row, by its category; at least 0. Other categories get 0.
        """
        query = selection.query
        if query.words and (found := self._engine.blended(embedding, query.words, query.where, bonuses)) is not None:
            return _picked(found, selection)
        return _Ranked(self, embedding, selection, bonuses).matches()

    def _searches(
        self, embedding: npt.NDArray[np.float32], filters: Sequence[CatalogFilter], selection: Selection
    ) -> Sequence[Search]:
        fetch = first_fetch(selection.query, len(selection.rows), remote=self._engine.remote)
        return self._engine.searches(embedding, filters, fetch)


class _Ranked:
    """One query in the order of cosine plus bonus."""

    def __init__(
        self,
        finder: Finder,
        embedding: npt.NDArray[np.float32],
        selection: Selection,
        bonuses: Mapping[str, float],
    ) -> None:
        self._finder, self._embedding, self._selection, self._bonuses = finder, embedding, selection, bonuses
        where = selection.query.where
        # A service is asked for all searches that may be needed at once. Here, most of them turn out not to be needed.
        ahead = self._probable() if finder._engine.remote else []
        filters = [where, *(replace(where, category=name) for name in ahead)]
        self._whole, *found = finder._searches(embedding, filters, selection)
        self._begun = dict(zip(ahead, found, strict=True))
        self._separate: dict[str, Search] = {}

    def matches(self) -> list[Match]:
        """The first results."""
        while True:
            matches = self._selection.pick(*_in_order([self._whole, *self._separate.values()], self._bonuses))
            least = NOTHING
            if len(matches) == self._selection.query.k:
                least = matches[-1].score + self._bonuses.get(matches[-1].item.category, 0.0)
            if not self._go_on(least):
                return matches

    def _probable(self) -> list[str]:
        """The categories that may be searched on their own, the most probable first."""
        names = sorted(self._bonuses, key=lambda name: -self._bonuses[name])[:_MOST_CATEGORIES]
        return [name for name in names if self._is_probable(name)]

    def _is_probable(self, name: str) -> bool:
        return self._bonuses[name] > _LEAST_SHARE * sum(self._bonuses.values())

    def _may_miss(self, search: Search, bonus: float, least: float) -> bool:
        return search.bound >= self._selection.query.min_score and search.bound + bonus > least

    def _go_on(self, least: float) -> bool:
        """Search for rows that may rank above `least`. Returns False if there are none beside those found.

        Args:
            least: the sum of cosine and bonus of the last result; minus infinity if there are too few results.
        """
        bonuses, separate = self._bonuses, self._separate
        unfinished = [search for name, search in separate.items() if self._may_miss(search, bonuses[name], least)]
        for search in unfinished:
            search.deepen()
        # The best of the other rows. Those of a category that `bonuses` does not name are always among them.
        other = max((name for name in bonuses if name not in separate), key=bonuses.__getitem__, default=None)
        if not self._may_miss(self._whole, 0.0 if other is None else bonuses[other], least):
            return bool(unfinished)
        if other is not None and len(separate) < _MOST_CATEGORIES and self._is_probable(other):
            separate[other] = self._begun.get(other) or self._in_category(other)
        else:
            self._whole.deepen()
        return True

    def _in_category(self, name: str) -> Search:
        where = replace(self._selection.query.where, category=name)
        return self._finder._searches(self._embedding, [where], self._selection)[0]


def first_fetch(query: SimilarQuery, excluded: int, *, remote: bool = False) -> int:
    """Rows that a search begins with: enough if products have two photos each, or four if the engine is a service."""
    photos = _PHOTOS_REMOTE if remote else _PHOTOS
    return (photos if query.distinct == "product" else 1) * query.k + excluded


def _picked(search: Search, selection: Selection) -> list[Match]:
    """The first results of a search, which goes deeper until there are enough."""
    query = selection.query
    while True:
        matches = selection.pick(search.rows, search.scores, search.items, search.fingerprints)
        if len(matches) == query.k or search.bound < query.min_score or search.bound == NOTHING:
            return matches
        search.deepen()


def _in_order(
    searches: Sequence[Search], bonuses: Mapping[str, float]
) -> tuple[Sequence[int], Sequence[float], Sequence[CatalogItem], Mapping[str, npt.NDArray[np.uint8]]]:
    """The rows of all searches with cosines, items and fingerprints, the highest sum of cosine and bonus first."""
    found = {
        item.image_id: (row, score, item)
        for search in searches
        for row, score, item in zip(search.rows, search.scores, search.items, strict=True)
    }
    order = sorted(found.values(), key=lambda one: (-one[1] - bonuses.get(one[2].category, 0.0), -one[1], one[0]))
    prints = {name: one for search in searches for name, one in search.fingerprints.items()}
    return [one[0] for one in order], [one[1] for one in order], [one[2] for one in order], prints
