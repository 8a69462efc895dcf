"""Searches by words, alone or together with a picture, in an index of S3 Vectors."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogItem
from lambda_app.search.engine import NOTHING
from lambda_app.search.fusion import DEPTH, GROWTH, fused
from lambda_app.search.s3vectors.results import Results
from lambda_app.search.s3vectors.schema import SEARCHED_TEXTS
from lambda_app.search.vectors import unit


def texts_of(words: str) -> dict[str, Any]:
    """The argument `queryTexts` of a query: the words in any of the searched fields."""
    return {"queryTexts": [{"text": words, "metadataKey": key} for key in SEARCHED_TEXTS]}


class Blended:
    """The rows by words and picture together: a `lambda_app.search.engine.Search`.

    Two queries are sent, because the service's own fusion neither says the cosine of a result that has the words alone,
    nor knows of bonuses. Ranks by picture are counted among the nearest `DEPTH` rows; after these, among the rows with
    the words.
    """

    def __init__(
        self,
        near: Results,
        having: Results,
        vectors: Callable[[list[str]], Mapping[str, npt.NDArray[np.float32]]],
        embedding: npt.NDArray[np.float32],
        bonuses: Mapping[str, float],
    ) -> None:
        """Combine two searches with the same filter.

        Args:
            near: by picture.
            having: by words, with one row at least.
            vectors: reads vectors by image id.
            embedding: float32 (d,), L2-normalised.
            bonuses: what is added to a row's cosine by its category, for its rank by picture.
        """
        self._near, self._having, self._vectors = near, having, vectors
        self._embedding, self._bonuses = embedding, bonuses
        self._depth = DEPTH
        self._combine()

    def deepen(self) -> None:
        """Compare more rows."""
        self._depth *= GROWTH
        self._near.read_all(self._depth)
        self._having.read_all(self._depth)
        self._combine()

    def _combine(self) -> None:
        near, having = self._near, self._having
        # By image id: something else may have written a vector with the row of an item.
        found: dict[str, tuple[int, CatalogItem]] = {}
        for search in (near, having):
            found |= {item.image_id: (row, item) for row, item in zip(search.rows, search.items, strict=True)}
        cosines = {item.image_id: score for item, score in zip(near.items, near.scores, strict=True)}
        missing = [item.image_id for item in having.items if item.image_id not in cosines]
        vectors = self._vectors(missing) if missing else {}
        # What was deleted between two calls is left out.
        for name in missing:
            if name in vectors:
                cosines[name] = float(unit(vectors[name][np.newaxis])[0] @ self._embedding)
        places = {item.image_id: place for place, item in enumerate(having.items, start=1)}
        ranks = np.array([places.get(name, 0) for name in cosines], np.int64)
        added = np.array([self._bonuses.get(found[name][1].category, 0.0) for name in cosines])
        names = sorted(cosines, key=lambda name: (found[name][0], name))  # of equal ones, the lower row comes first
        numbers = {name: number for number, name in enumerate(names)}
        order = fused({numbers[name]: cosine for name, cosine in cosines.items()}, len(near.rows), added, ranks)
        first = [names[number] for number in order]
        self.rows = [found[name][0] for name in first]
        self.scores = [cosines[name] for name in first]
        self.items = [found[name][1] for name in first]
        self.fingerprints: Mapping[str, Fingerprint] = {**having.fingerprints, **near.fingerprints}
        self.bound = near.bound if near.bound != NOTHING or having.bound == NOTHING else -1.0
