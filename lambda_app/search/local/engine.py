"""Searches a release in the process: the contract of `lambda_app.search.engine`, by FAISS and SQLite."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.likeness import copies
from lambda_app.likeness.descriptor import descriptors_of_views
from lambda_app.likeness.fingerprint import Cells
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem
from lambda_app.release.row_set import RowSet
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.engine import Engine, Match, Page, Search, Stored
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.nearest import Index, Items, Nearest
from lambda_app.search.local.paging import page
from lambda_app.search.local.words import Blended, ByWords
from lambda_app.search.segmented_index import SegmentedIndex


@dataclass(frozen=True, eq=False)
class Segments:
    """The opened indexes and catalogs of a release.

    Attributes:
        indexes, catalogs: one of each for each segment.
        dead: the rows of all segments that are not in the catalogue; None: none.
        names: of the indexes' files, for messages.
    """

    indexes: tuple[VectorIndex, ...]
    catalogs: tuple[Catalog, ...]
    dead: RowSet | None = None
    names: tuple[str, ...] = ()

    @property
    def dims(self) -> dict[str, int]:
        """The dimensions of each index, by the name of its file."""
        return {name: index.dim for name, index in zip(self.names, self.indexes, strict=True)}

    def without(
        self, image_ids: Sequence[str], product_ids: Sequence[str], like: Engine | None = None
    ) -> "FaissEngine":
        """As `lambda_app.search.engine.Source` says."""
        before = like.catalog if isinstance(like, FaissEngine) else None
        return FaissEngine(self, *self.searched(image_ids, product_ids, before))

    def searched(
        self, image_ids: Sequence[str], product_ids: Sequence[str], before: Items | None = None
    ) -> tuple[Index, Items]:
        """The index and the catalog of all segments, without dead rows and these items.

        Of one segment in which nothing is hidden: its own, which are searched faster.

        Args:
            image_ids, product_ids: what is hidden. What the release does not have is left out.
            before: a catalog that was searched before; what is cached for rows that both have in common is shared.
        """
        hidden = self._hidden(image_ids, product_ids)
        if hidden is None and len(self.indexes) == 1:
            return self.indexes[0], self.catalogs[0]
        known = before if isinstance(before, SegmentedCatalog) else None
        live = LiveRows.without([index.count for index in self.indexes], hidden, None if known is None else known.live)
        return SegmentedIndex(self.indexes, live), SegmentedCatalog(self.catalogs, live, known)

    @property
    def has_words(self) -> bool:
        """Whether items can be searched by words: every segment has an index of them."""
        return all(catalog.word_index is not None for catalog in self.catalogs)

    def _hidden(self, image_ids: Sequence[str], product_ids: Sequence[str]) -> npt.NDArray[np.bool_] | None:
        """Which rows of all segments are dead or hidden: bool (rows,); None if none is."""
        found, start = [], 0
        for catalog in self.catalogs:
            found += [start + row for row in catalog.rows_of(image_ids, product_ids)]
            start += catalog.count
        if self.dead is None and not found:
            return None
        hidden = np.zeros(start, np.bool_) if self.dead is None else self.dead.mask(start)
        hidden[found] = True
        return hidden


class FaissEngine:
    """Searches the segments of a release. Immutable and thread-safe."""

    remote = False

    def __init__(self, segments: Segments, index: Index, catalog: Items) -> None:
        """Search these segments.

        Args:
            segments: what is open.
            index, catalog: all segments as one, without what is hidden.
        """
        self._segments = segments
        self.index = index
        self.catalog = catalog

    @property
    def kind(self) -> str:
        """The type of the first segment's index."""
        return self._segments.indexes[0].type

    @property
    def count(self) -> int:
        """The number of photos in the catalogue, blocked ones included."""
        rows = sum(index.count for index in self._segments.indexes)
        return rows - (0 if self._segments.dead is None else len(self._segments.dead))

    def searches(
        self, embedding: npt.NDArray[np.float32], filters: Sequence[CatalogFilter], fetch: int
    ) -> Sequence[Search]:
        """As the contract says."""
        return [Nearest(self.index, self.catalog, embedding, where, fetch) for where in filters]

    def by_words(self, words: str, where: CatalogFilter) -> Search:
        """As the contract says."""
        return ByWords(self.catalog, words, where)

    def blended(
        self, embedding: npt.NDArray[np.float32], words: str, where: CatalogFilter, bonuses: Mapping[str, float]
    ) -> Search | None:
        """As the contract says."""
        found = self.catalog.words(words, None if where.empty else self.catalog.passing(where))
        if not len(found.rows):
            return None
        return Blended(self.index, self.catalog, embedding, where, found, bonuses)

    def page(self, where: CatalogFilter, start: int, most: int, *, one_per_product: bool) -> Page:
        """As the contract says."""
        return page(self.catalog, where, start, most, one_per_product)

    def require_words(self) -> None:
        """As the contract says."""
        self.catalog.require_words()

    @property
    def has_words(self) -> bool:
        """Whether every segment has an index of words."""
        return self._segments.has_words

    def stored(self, image_ids: Collection[str]) -> dict[str, Stored]:
        """As the contract says."""
        rows = self._rows(image_ids)
        items = self.catalog.items([*rows.values()], described=False)
        vectors = self.index.vectors([*rows.values()])
        return {
            image_id: Stored(row, item, vector)
            for (image_id, row), item, vector in zip(rows.items(), items, vectors, strict=True)
        }

    def items(self, image_ids: Collection[str]) -> dict[str, CatalogItem]:
        """As the contract says."""
        rows = self._rows(image_ids)
        return dict(zip(rows, self.catalog.items([*rows.values()]), strict=True))

    def fingerprints(self, matches: Sequence[Match]) -> Sequence[Fingerprint | None] | None:
        """As the contract says."""
        found = self.catalog.fingerprints([match.row for match in matches])
        return None if found is None else [*found]

    @property
    def has_fingerprints(self) -> bool:
        """Whether the catalog has fingerprints."""
        return self.catalog.fingerprints([]) is not None

    def copied(self, asked: Sequence[Cells], threshold: float) -> Stored | None:
        """As the contract says. A copy that is cropped and turned is mostly missed."""
        rows = self.catalog.nearest_photos(descriptors_of_views(tuple(asked)), copies.CANDIDATES, copies.LEAST_COSINE)
        prints = self.catalog.fingerprints(rows) if rows else None
        place = None if prints is None else copies.nearest_copy(asked, prints, threshold)
        if place is None:
            return None
        (item,) = self.catalog.items([rows[place]], described=False)
        return Stored(rows[place], item, self.index.vector(rows[place]))

    def without(
        self, image_ids: Sequence[str], product_ids: Sequence[str], like: Engine | None = None
    ) -> "FaissEngine":
        """As the contract says."""
        return self._segments.without(image_ids, product_ids, like or self)

    def close(self) -> None:
        """Close the catalogs."""
        self.catalog.close()

    def _rows(self, image_ids: Collection[str]) -> dict[str, int]:
        found = ((image_id, self.catalog.find(image_id)) for image_id in image_ids)
        return {image_id: row for image_id, row in found if row is not None}
