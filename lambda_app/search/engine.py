"""The contract of search: what serving asks of a catalogue, whichever engine holds it.

There are two engines: `lambda_app.search.local.engine.FaissEngine`, in the process, and
`lambda_app.search.s3vectors.engine.S3VectorsEngine`, a service. What ranks, excludes and counts products is above them,
in `lambda_app.recommendation`, once for both.

A row is the number of an item, which answers give as `similar_index`. It is unique in an engine. Between engines, and
between releases of one engine, the same item may have other rows, so ids are what callers keep.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import Cells
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogFilter, CatalogItem

# The bound of a search that has found everything.
NOTHING = -float("inf")


@dataclass(frozen=True)
class Match:
    """A result: its row, its cosine (`score`), and its catalog entry.

    Without a picture in the query, the score is NaN. `same_photo`: whether it shows the photo of the query; None if
    that is not known. `fingerprint`: uint8 (197,), if the engine got it with the result.
    """

    row: int
    score: float
    item: CatalogItem
    same_photo: bool | None = None
    fingerprint: Fingerprint | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class Stored:
    """An item of the catalogue: its row, its catalog entry without the description, and its vector, float32 (d,).

    The vector is L2-normalised.
    """

    row: int
    item: CatalogItem
    vector: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Page:
    """Some items in the order of their rows.

    Attributes:
        rows: ascending.
        items: the catalog entry of each row, without descriptions.
        next: the row that the next page begins with; None: this is the last page.
    """

    rows: Sequence[int]
    items: Sequence[CatalogItem]
    next: int | None


class Search(Protocol):
    """A search that can go deeper. Of one request, so one thread at a time uses it."""

    @property
    def rows(self) -> Sequence[int]:
        """The rows of the items found so far, best first, each item once. Blocked items are not among them."""
        ...

    @property
    def scores(self) -> Sequence[float]:
        """The cosine of each row, or NaN if the query had no picture."""
        ...

    @property
    def items(self) -> Sequence[CatalogItem]:
        """The catalog entry of each row, without descriptions."""
        ...

    @property
    def fingerprints(self) -> Mapping[str, Fingerprint]:
        """The fingerprints that came with the rows, by image id: uint8 (197,). Empty if the engine reads them later."""
        ...

    @property
    def bound(self) -> float:
        """No row that was not found yet has a higher cosine. `NOTHING`: there is no other, or none is looked for.

        1 if nothing is known of the cosines of other rows, as in a search by words.
        """
        ...

    def deepen(self) -> None:
        """Search for more rows. Only called while `bound` is above `NOTHING`; after it, there are more rows or it is.

        Rows found before may have other places afterwards.

        Raises:
            SearchUnavailableError: the service does not answer.
        """
        ...


class Source(Protocol):
    """Has a catalogue, and gives engines that search it."""

    def without(self, image_ids: Sequence[str], product_ids: Sequence[str], like: "Engine | None" = None) -> "Engine":
        """The same catalogue with these items in no answer; those that are blocked now are not, if they are not named.

        Args:
            image_ids: of photos. What the catalogue does not have is left out.
            product_ids: of products, whose photos are all blocked.
            like: another engine; what is cached for rows that both have in common is shared.
        """
        ...


class Engine(Source, Protocol):
    """Searches one catalogue. Immutable and thread-safe.

    All methods may raise `SearchUnavailableError` if the engine is a service that does not answer, is too busy, or does
    not hold the catalogue.

    Attributes:
        kind: of the index, for people: "flat", "ivf-float16", "ivf-int8", "s3vectors".
        remote: whether each call waits for a service. Then searches that may be needed are begun together, and a
            search begins with more rows, so that it seldom goes deeper.
        count: the number of photos in the catalogue, blocked ones included.
    """

    @property
    def kind(self) -> str: ...

    @property
    def remote(self) -> bool: ...

    @property
    def count(self) -> int: ...

    def searches(
        self, embedding: npt.NDArray[np.float32], filters: Sequence[CatalogFilter], fetch: int
    ) -> Sequence[Search]:
        """Searches for the items nearest to an embedding, one for each filter, the highest cosine first.

        Args:
            embedding: float32 (d,), L2-normalised.
            filters: what passes; an empty filter lets all items pass.
            fetch: how many rows to look for at first, at least 1. An engine may give fewer of them before it is asked
                to go deeper.

        Raises:
            QueryError: the embedding is zero or not finite.
        """
        ...

    def by_words(self, words: str, where: CatalogFilter) -> Search:
        """The items that have words in title, category or description, best first; scores are NaN.

        Args:
            words: what a person typed. No part of it is an operator.
            where: what passes.

        Raises:
            NotSupportedError: as `require_words`.
        """
        ...

    def blended(
        self,
        embedding: npt.NDArray[np.float32],
        words: str,
        where: CatalogFilter,
        bonuses: Mapping[str, float],
    ) -> Search | None:
        """The items by words and picture together; None if no item that passes the filter has any of the words.

        The order is that of reciprocal rank fusion of both rankings. `scores` are the cosines.

        Args:
            embedding: float32 (d,), L2-normalised.
            words, where: as in `by_words`.
            bonuses: what is added to an item's cosine by its category, for its rank by picture.

        Raises:
            NotSupportedError: as `require_words`.
        """
        ...

    def page(self, where: CatalogFilter, start: int, most: int, *, one_per_product: bool) -> Page:
        """The first items that pass a filter, in the order of their rows, from a row on.

        It costs the same at the beginning and at the end of a catalogue.

        Args:
            where: what passes.
            start: the first row that may be on the page, at least 0.
            most: of items.
            one_per_product: whether only the first photo of each product that passes is on a page.
        """
        ...

    def require_words(self) -> None:
        """Check that the catalogue can be searched by words.

        Raises:
            NotSupportedError: it was made without an index of words.
        """
        ...

    @property
    def has_words(self) -> bool:
        """Whether the catalogue can be searched by words."""
        ...

    def stored(self, image_ids: Collection[str]) -> dict[str, Stored]:
        """Items with their vectors, by image id. Unknown and blocked ids are left out."""
        ...

    def items(self, image_ids: Collection[str]) -> dict[str, CatalogItem]:
        """Items with their descriptions, by image id. Unknown and blocked ids are left out."""
        ...

    def fingerprints(self, matches: Sequence[Match]) -> Sequence[Fingerprint | None] | None:
        """The fingerprints of the photos of matches of this engine, uint8 (197,) each; None for one that has none.

        None instead of all of them if the catalogue has none, or not everywhere.
        """
        ...

    @property
    def has_fingerprints(self) -> bool:
        """Whether photos can be compared."""
        ...

    def copied(self, asked: Sequence[Cells], threshold: float) -> Stored | None:
        """The item of whose photo the query is a copy, perhaps turned, mirrored or grey.

        All photos are looked through, also those whose embeddings are not near. An engine that cannot do this finds
        none.

        Args:
            asked: the views of a photo, at least one.
            threshold: photos at most this far from each other are the same.
        """
        ...

    def close(self) -> None:
        """Close what is open now, also for engines that share it.

        Otherwise it is closed when the last engine that uses it is garbage-collected.
        """
        ...
