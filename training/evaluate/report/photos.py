"""The photos that the report shows: queries with their neighbours, and photos with a wrong predicted category."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.dataset import Dataset
from training.evaluate.report.cases import Case, Gallery, Mistake

_SIDE = 160
_QUALITY = 82


@dataclass(frozen=True)
class Photo:
    """A photo with its listing.

    Attributes:
        jpeg: the photo, at most 160 pixels on a side.
        name: title of the listing; its category if it has no title.
        category: the true category.
        split: "train", "validation" or "test".
    """

    jpeg: bytes
    name: str
    category: str
    image_id: str
    product_id: str
    split: str


@dataclass(frozen=True)
class Neighbour:
    """A neighbour of a query.

    Attributes:
        score: cosine with the query.
        shares: what it has in common with the query: "product", "category" (but not the product), or "nothing".
    """

    photo: Photo
    score: float
    shares: str


@dataclass(frozen=True)
class ShownCase:
    """A query and its nearest neighbours.

    Attributes:
        mate: the nearest other photo of the query's product; None if there is none.
        mate_rank: rank of the mate among all neighbours, from 1.
        mate_score: cosine of the mate.
        neighbours: nearest first.
    """

    query: Photo
    mate: Photo | None
    mate_rank: int | None
    mate_score: float | None
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True)
class ShownMistake:
    """A photo with a wrong predicted category, and the probability of that category."""

    photo: Photo
    predicted: str
    probability: float


class GalleryPhotos:
    """The photos and listings of the rows that a gallery shows."""

    def __init__(self, dataset: Dataset, gallery: Gallery) -> None:
        """Read the items of these rows from the dataset."""
        cases = (*gallery.worst, *gallery.best, *gallery.drawn)
        rows = {row for case in cases for row in (case.query, case.mate, *case.neighbours)}
        rows |= {mistake.row for mistake in gallery.mistakes}
        self._items = {item.row: item for item in dataset.items() if item.row in rows}
        self._dataset = dataset

    def photo(self, row: int) -> Photo:
        """The photo of a row."""
        item = self._items[row]
        category = self._dataset.categories[item.category]
        jpeg = small_jpeg(self._dataset.photos[row])
        return Photo(jpeg, item.title or category, category, item.image_id, item.product_id, item.split)

    def cases(self, cases: Iterable[Case]) -> list[ShownCase]:
        """Cases with their photos."""
        return [self._case(case) for case in cases]

    def mistakes(self, mistakes: Iterable[Mistake]) -> list[ShownMistake]:
        """Mistakes with their photos."""
        names = self._dataset.categories
        return [ShownMistake(self.photo(found.row), names[found.predicted], found.probability) for found in mistakes]

    def _case(self, case: Case) -> ShownCase:
        return ShownCase(
            query=self.photo(case.query),
            mate=None if case.mate is None else self.photo(case.mate),
            mate_rank=case.mate_rank,
            mate_score=case.mate_score,
            neighbours=tuple(
                Neighbour(self.photo(row), score, self._shared(case.query, row))
                for row, score in zip(case.neighbours, case.scores, strict=True)
            ),
        )

    def _shared(self, query: int, found: int) -> str:
        one, other = self._items[query], self._items[found]
        if one.product_id == other.product_id:
            return "product"
        return "category" if one.category == other.category else "nothing"


def small_jpeg(rgb: npt.NDArray[np.uint8]) -> bytes:
    """A photo, uint8 (height, width, 3), as a JPEG with sides of at most 160 pixels."""
    image = Image.fromarray(rgb)
    image.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
