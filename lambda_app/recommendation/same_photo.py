"""Which items show the same photo as a query, however it was cropped, compressed or mirrored since."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.errors import NotSupportedError
from lambda_app.likeness.comparison import distances
from lambda_app.likeness.fingerprint import VERSION, Cells, views
from lambda_app.recommendation.query import Match
from lambda_app.release.catalog import CatalogFilter
from lambda_app.release.manifest import SamePhotoEntry
from lambda_app.search.engine import NOTHING, Engine, Search, Stored

# The same photo is among so many nearest items by the embedding, for which it looks alike after all alterations.
CANDIDATES = 100
_CANNOT_TELL = "this release was made without fingerprints of its photos; a new release has them"


@dataclass(frozen=True)
class SamePhotos:
    """Compares photos with those of the items of one release. Immutable and thread-safe.

    Attributes:
        threshold: photos at most this far from each other are the same; None: the release cannot tell.
    """

    engine: Engine
    threshold: float | None

    @classmethod
    def of(cls, engine: Engine, entry: SamePhotoEntry | None) -> "SamePhotos":
        """Of a release whose manifest has this entry. One of another version of the fingerprint cannot tell."""
        known = entry is not None and entry.version == VERSION
        return cls(engine, entry.threshold if entry is not None and known else None)

    def views(self, photo: Image.Image) -> tuple[Cells, ...]:
        """What is compared of an upright photo in RGB; nothing if the release cannot tell."""
        return () if self.threshold is None else views(photo)

    def marked(self, matches: list[Match], asked: Sequence[Cells], known: Collection[int] = frozenset()) -> list[Match]:
        """The matches, each with whether it shows the same photo as one of the query; unchanged if nothing can tell.

        Args:
            matches: results.
            asked: the views of all photos of the query.
            known: rows that do.
        """
        found = self._distances(asked, matches)
        if found is None or self.threshold is None:
            return matches
        same = [None if np.isnan(one) else bool(one <= self.threshold) for one in found]
        return [
            replace(match, same_photo=True if match.row in known else one)
            for match, one in zip(matches, same, strict=True)
        ]

    def copied(self, asked: Sequence[Cells]) -> Stored | None:
        """The item of whose photo the query is a copy, perhaps turned, mirrored or grey; None if there is none.

        Args:
            asked: the views of a photo, or of several.
        """
        return None if self.threshold is None or not asked else self.engine.copied(asked, self.threshold)

    def duplicates(self, embedding: npt.NDArray[np.float32], asked: Sequence[Cells], most: int) -> list[Match]:
        """The items that show the same photo as one of the query, the most alike first.

        Args:
            embedding: float32 (d,), of the query.
            asked: the views of its photos.
            most: at most this many items.

        Raises:
            NotSupportedError: as `require`.
        """
        self.require()
        (search,) = self.engine.searches(embedding, [CatalogFilter()], max(CANDIDATES, most))
        near = _first(search, max(CANDIDATES, most))
        far = self._distances(asked, near)
        if far is None or self.threshold is None:  # of several segments, one may have no fingerprints
            raise NotSupportedError(_CANNOT_TELL)
        same = [near[place] for place in np.argsort(far, kind="stable") if far[place] <= self.threshold]
        if not same and (copied := self.copied(asked)) is not None:
            same = [Match(copied.row, float(copied.vector @ embedding), copied.item)]
        return [replace(match, same_photo=True) for match in same[:most]]

    def require(self) -> None:
        """Check that the release can tell.

        Raises:
            NotSupportedError: it was made without fingerprints, or with others.
        """
        if self.threshold is None or not self.engine.has_fingerprints:
            raise NotSupportedError(_CANNOT_TELL)

    def _distances(self, asked: Sequence[Cells], matches: Sequence[Match]) -> npt.NDArray[np.float32] | None:
        """How far the query is from the photos of these matches, float32 (m,); None if the release cannot tell.

        NaN for a match without a fingerprint, such as a vector of S3 Vectors that something else wrote.
        """
        if self.threshold is None or not asked:
            return None
        prints = self.engine.fingerprints(matches)
        known = [] if prints is None else [(place, one) for place, one in enumerate(prints) if one is not None]
        if prints is None or (prints and not known):
            return None
        found = np.full(len(matches), np.nan, np.float32)
        if known:
            found[[place for place, _ in known]] = distances(asked, np.stack([one for _, one in known]))
        return found


def _first(search: Search, count: int) -> list[Match]:
    """The first rows of a search; fewer if there are fewer."""
    while len(search.rows) < count and search.bound != NOTHING:
        search.deepen()
    found = zip(search.rows[:count], search.scores, search.items, strict=False)
    return [Match(row, score, item, fingerprint=search.fingerprints.get(item.image_id)) for row, score, item in found]
