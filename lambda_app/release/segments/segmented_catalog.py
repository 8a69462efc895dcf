"""The catalog of a release of segments: one SQLite file for each, and the rows of them that are live."""

from collections.abc import Sequence

import numpy as np

from lambda_app.likeness.descriptor import Descriptors
from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES
from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import Catalog, CatalogFilter, CatalogItem
from lambda_app.release.filter_cache import FilterCache
from lambda_app.release.row_set import RowSet, SegmentedRowSet
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.release.text.words import WordMatches, merged


class SegmentedCatalog:
    """Reads the catalogs of segments as one. Immutable and thread-safe.

    What looks for rows finds live ones only. `items` returns what is at a row, live or not. Another method over the
    rows of a catalog is added the same way: take the rows of each segment from `LiveRows.by_segment`, or ask each
    catalog and keep what `LiveRows.is_live`.
    """

    def __init__(self, catalogs: Sequence[Catalog], live: LiveRows, previous: "SegmentedCatalog | None" = None) -> None:
        """Combine opened catalogs.

        Args:
            catalogs: one for each segment; others may use them too.
            live: which rows of them are live.
            previous: the results of filters are taken over for segments whose catalog and live rows are the same.
        """
        self.live = live
        self._segments = [
            _Segment.of(catalog, part, previous) for catalog, part in zip(catalogs, live.parts, strict=True)
        ]
        self._cache: FilterCache[CatalogFilter, SegmentedRowSet] = FilterCache()

    @property
    def count(self) -> int:
        """The number of rows, dead ones included."""
        return self.live.rows

    def items(self, rows: Sequence[int], *, described: bool = True) -> list[CatalogItem]:
        """The items at these rows, in the order given; `described` as in `Catalog.items`."""
        found: dict[int, CatalogItem] = {}
        for segment, numbers, places in self.live.by_segment(rows):
            found |= zip(places, self._segments[segment].catalog.items(numbers, described=described), strict=True)
        return [found[place] for place in range(len(rows))]

    def find(self, image_id: str) -> int | None:
        """The live row of an image id; None if there is no such id. The newest segment comes first."""
        for number in reversed(range(len(self._segments))):
            row = self._segments[number].catalog.find(image_id)
            if row is not None and self.live.is_live(number, row):
                return self.live.starts[number] + row
        return None

    def product_rows(self, product_id: str) -> list[int]:
        """The live rows of a product's photos, ascending; empty if there is no such product."""
        return [
            self.live.starts[number] + row
            for number, segment in enumerate(self._segments)
            for row in segment.catalog.product_rows(product_id)
            if self.live.is_live(number, row)
        ]

    def passing(self, where: CatalogFilter) -> SegmentedRowSet:
        """The live rows that pass a filter. The results of the latest filters are cached.

        Raises:
            ReleaseError: the columns of a catalog are damaged or have another length than its table.
        """
        return self._cache.get(
            where, lambda: SegmentedRowSet([segment.passing(where) for segment in self._segments], self.live.counts)
        )

    def fingerprints(self, rows: Sequence[int]) -> Fingerprint | None:
        """The fingerprints of these rows, uint8 (m, 197); None if a segment has none, as in older releases."""
        found = np.zeros((len(rows), FINGERPRINT_BYTES), np.uint8)
        for segment, numbers, places in self.live.by_segment(rows):
            known = self._segments[segment].catalog.fingerprints(numbers)
            if known is None:
                return None
            found[places] = known
        return found

    def nearest_photos(self, asked: Descriptors, most: int, least: float) -> list[int]:
        """The live rows whose descriptors are nearest; otherwise as `Catalog.nearest_photos`."""
        rows, cosines = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for start, segment in zip(self.live.starts, self._segments, strict=True):
            if (table := segment.catalog.descriptors) is not None:
                allowed = None if segment.live is None else segment.live.mask(segment.catalog.count)
                found = table.nearest_photos(asked, most, least, allowed)
                rows.append(start + found.rows)
                cosines.append(found.cosines)
        both = np.concatenate(rows), np.concatenate(cosines)
        return [int(row) for row in both[0][np.lexsort((both[0], -both[1]))[:most]]]

    def words(self, text: str, allowed: RowSet | None = None) -> WordMatches:
        """The live rows with the words of a text; otherwise as `Catalog.words`.

        The scores are those of each segment: how rare a word is counts within the segment.
        """
        parts: Sequence[RowSet | None] = self.live.parts
        if allowed is not None:
            parts = (allowed if isinstance(allowed, SegmentedRowSet) else self.live.split(allowed)).parts
        found = [segment.catalog.words(text, part) for segment, part in zip(self._segments, parts, strict=True)]
        return merged(found, self.live.starts)

    def require_words(self) -> None:
        """Check that all segments can be searched by words; raises as `Catalog.require_words`."""
        for segment in self._segments:
            segment.catalog.require_words()

    def close(self) -> None:
        """Close the files, also for others that use them."""
        for segment in self._segments:
            segment.catalog.close()


class _Segment:
    """One catalog with those of its rows that are live; None: all."""

    def __init__(self, catalog: Catalog, live: RowSet | None) -> None:
        self.catalog = catalog
        self.live = live
        self._cache: FilterCache[CatalogFilter, RowSet] = FilterCache()

    @classmethod
    def of(cls, catalog: Catalog, live: RowSet | None, previous: SegmentedCatalog | None) -> "_Segment":
        for known in [] if previous is None else previous._segments:
            if known.catalog is catalog and known.live is live:
                return known
        return cls(catalog, live)

    def passing(self, where: CatalogFilter) -> RowSet:
        if self.live is None:
            return self.catalog.passing(where)
        live = self.live
        return self._cache.get(where, lambda: self.catalog.passing(where) & live)
