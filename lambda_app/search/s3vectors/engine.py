"""Searches a catalogue in Amazon S3 Vectors: the contract of `lambda_app.search.engine`, by calls of the service."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import Cells
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.search.engine import Engine, Match, Page, Search, Stored
from lambda_app.search.fusion import DEPTH
from lambda_app.search.s3vectors.blending import Blended, texts_of
from lambda_app.search.s3vectors.browsing import Windows
from lambda_app.search.s3vectors.index import SearchedIndex
from lambda_app.search.s3vectors.results import Hidden, Results, filter_of, vector_of
from lambda_app.search.s3vectors.strays import Strays
from lambda_app.search.vectors import unit

_NOTHING_HIDDEN = Hidden()


@dataclass(frozen=True, eq=False)
class S3VectorsEngine:
    """Searches one index. Immutable and thread-safe. Nothing is cached, so it sees what the loader writes at once.

    Attributes:
        index: the index.
        dim: of its vectors.
        count: the number of photos in it.
        end: the lowest row that no item has had.
        hidden: what no answer holds.
        newest_end: reads `end` again; 0 if it is not known.
        strays: what the index holds beside items, as far as it was seen.
    """

    index: SearchedIndex
    dim: int
    count: int
    end: int
    hidden: Hidden = _NOTHING_HIDDEN
    newest_end: Callable[[], int] = lambda: 0
    strays: Strays = field(default_factory=lambda: Strays(""), repr=False)

    kind = "s3vectors"
    remote = True
    has_words = True  # the index has them of every item
    has_fingerprints = True  # a release whose photos have none has no threshold

    def searches(
        self, embedding: npt.NDArray[np.float32], filters: Sequence[CatalogFilter], fetch: int
    ) -> Sequence[Search]:
        """As the contract says; all are sent at once."""
        vector = vector_of(embedding)
        queries = [{**vector, **filter_of(where)} for where in filters]
        if len(queries) == 1:
            return [self._results(queries[0], fetch)]
        until = self.index.until()
        return [*self.index.pool.map(lambda query: self._results(query, fetch, until), queries)]

    def by_words(self, words: str, where: CatalogFilter) -> Search:
        """As the contract says, in the order of the service."""
        return self._results({**texts_of(words), **filter_of(where)}, DEPTH)

    def blended(
        self, embedding: npt.NDArray[np.float32], words: str, where: CatalogFilter, bonuses: Mapping[str, float]
    ) -> Search | None:
        """As the contract says; both queries are sent at once."""
        passing = filter_of(where)
        queries = ({**vector_of(embedding), **passing}, {**texts_of(words), **passing})
        until = self.index.until()
        near, having = self.index.pool.map(lambda query: self._results(query, DEPTH, until).read_all(DEPTH), queries)
        return Blended(near, having, self._vectors, embedding, bonuses) if having.rows else None

    def require_words(self) -> None:
        """Every index can be searched by words."""

    def stored(self, image_ids: Collection[str]) -> dict[str, Stored]:
        """As the contract says."""
        found = {}
        for image_id, vector in self.index.get(image_ids, vectors=True).items():
            known = self.strays.item(vector)
            if known is not None and not self.hidden.hides(known[1]):
                found[image_id] = Stored(*known, unit(_floats(vector)[np.newaxis])[0])
        return found

    def items(self, image_ids: Collection[str]) -> dict[str, CatalogItem]:
        """As the contract says."""
        got = self.index.get(image_ids, vectors=False)
        known = {image_id: self.strays.item(vector, described=True) for image_id, vector in got.items()}
        return {name: one[1] for name, one in known.items() if one is not None and not self.hidden.hides(one[1])}

    def page(self, where: CatalogFilter, start: int, most: int, *, one_per_product: bool) -> Page:
        """As the contract says."""
        windows = Windows(self._results, self.dim, self.end, self.newest_end, self.index.clock)
        return windows.page(where, start, most, one_per_product=one_per_product)

    def fingerprints(self, matches: Sequence[Match]) -> Sequence[Fingerprint | None] | None:
        """As the contract says: those that came with the matches."""
        return [match.fingerprint for match in matches]

    def copied(self, asked: Sequence[Cells], threshold: float) -> Stored | None:  # noqa: ARG002 - of the contract
        """None: there are no descriptors to look through."""
        return None

    def without(
        self,
        image_ids: Sequence[str],
        product_ids: Sequence[str],
        like: Engine | None = None,  # noqa: ARG002
    ) -> "S3VectorsEngine":
        """As the contract says. What is blocked is dropped from the answers of the service."""
        return replace(self, hidden=Hidden(frozenset(image_ids), frozenset(product_ids)))

    def close(self) -> None:
        """Nothing is open but connections, which other releases may share."""

    def _results(self, query: Mapping[str, Any], fetch: int, until: float | None = None) -> Results:
        return Results(self.index, query, fetch, self.hidden, self.strays, until)

    def _vectors(self, image_ids: list[str]) -> dict[str, npt.NDArray[np.float32]]:
        return {name: _floats(vector) for name, vector in self.index.get(image_ids, vectors=True).items()}


def _floats(vector: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    return np.array(vector["data"]["float32"], np.float32)
