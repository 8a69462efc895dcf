"""QueryVectors on an index: by a vector, by texts, or both."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.s3vectors.columns import Mask
from tests.s3vectors.exceptions import ValidationError
from tests.s3vectors.filters import check_filter, passing
from tests.s3vectors.limits import MOST_RESULTS, check_vector
from tests.s3vectors.table import VectorTable
from tests.s3vectors.texts import TextIndex

RRF = 60

Slots = NDArray[np.int64]


@dataclass
class TextSearch:
    """A metadata key that can be searched.

    Attributes:
        building: how many more GetIndex calls find it in the state BUILDING.
    """

    language: str | None
    building: int
    read_at: int = -1
    index: TextIndex = field(default_factory=lambda: TextIndex([], 0))

    def scores(self, table: VectorTable, key: str, text: str) -> NDArray[np.float64]:
        """The BM25 score of each slot."""
        if self.read_at != table.changes:
            self.index, self.read_at = TextIndex(table.texts(key), table.count), table.changes
        return self.index.scores(text)


@dataclass(frozen=True)
class Result:
    """A result of a query; what its kind of query does not have is None."""

    key: str
    distance: float | None
    scores: dict[str, Any] | None


@dataclass
class Queried:
    """An index as a query sees it."""

    table: VectorTable
    dimension: int
    metric: str
    mode: str
    non_filterable: frozenset[str]
    searches: dict[str, TextSearch]

    def results(self, request: dict[str, Any]) -> list[Result]:
        """All results of a query, over all its pages, best first.

        Raises:
            ValidationError: the service would refuse it.
        """
        count, texts = request["topK"], request.get("queryTexts")
        if count > MOST_RESULTS:
            raise ValidationError(f"topK must be at most {MOST_RESULTS}, is {count}")
        if request.get("queryMode") == "CLASSIC" and self.mode == "ENHANCED":
            raise ValidationError("queryMode CLASSIC cannot be used with an index in ENHANCED mode")
        if texts is None and request.get("queryVector") is None:
            raise ValidationError("Must specify queryVector, queryTexts or both")
        wanted = self._wanted(request.get("filter"))
        distances = self._distances(request, wanted)
        if texts is None:
            assert distances is not None
            nearest = self._first(distances, wanted, count)
            return [Result(self.table.keys[slot], float(distances[slot]), None) for slot in nearest.tolist()]
        return self._by_texts(texts, distances, wanted, count)

    def _wanted(self, condition: Any) -> Mask:
        if condition is None:
            return self.table.alive
        check_filter(condition, self.non_filterable)
        return self.table.alive & passing(condition, self.table.columns, self.table.count)

    def _distances(self, request: dict[str, Any], wanted: Mask) -> NDArray[np.float32] | None:
        if (vector := request.get("queryVector")) is None:
            return None
        query = check_vector(vector["float32"], self.dimension, self.metric, "queryVector")
        return self.table.distances(query, self.metric, wanted)

    def _first(self, badness: NDArray[Any], wanted: Mask, count: int) -> Slots:
        """The slots of the lowest values, ties in the order of the keys' hashes."""
        slots = np.flatnonzero(wanted)
        if len(slots) > count:
            last = np.partition(badness[slots], count - 1)[count - 1]
            slots = slots[badness[slots] <= last]
        return slots[np.lexsort((self.table.hashes[slots], badness[slots]))][:count]

    def _by_texts(
        self, texts: list[dict[str, str]], distances: NDArray[np.float32] | None, wanted: Mask, count: int
    ) -> list[Result]:
        self._check_texts(texts)
        scores = {
            text["metadataKey"]: self.searches[text["metadataKey"]].scores(
                self.table, text["metadataKey"], text["text"]
            )
            for text in texts
        }
        total = np.sum([*scores.values()], axis=0)
        fused: dict[int, float] = {}
        matches = self._first(-total, wanted & (total > 0), count)
        lists = [matches] if distances is None else [matches, self._first(distances, wanted, count)]
        for ranked in lists:
            for rank, slot in enumerate(ranked.tolist(), 1):
                fused[slot] = fused.get(slot, 0.0) + 1 / (RRF + rank)
        near = set() if distances is None else set(lists[1].tolist())
        order = sorted(fused, key=lambda slot: (-fused[slot], int(self.table.hashes[slot])))
        return [
            Result(
                key=self.table.keys[slot],
                distance=float(distances[slot]) if distances is not None and slot in near else None,
                scores={
                    "bm25Scores": [
                        {"metadataKey": key, "score": float(of[slot])} for key, of in scores.items() if of[slot] > 0
                    ],
                    **({} if distances is None else {"fused": fused[slot]}),
                    **({"vectorDistance": float(distances[slot])} if distances is not None and slot in near else {}),
                },
            )
            for slot in order[:count]
        ]

    def _check_texts(self, texts: list[dict[str, str]]) -> None:
        if self.mode != "ENHANCED":
            raise ValidationError("queryTexts requires a vector index in ENHANCED mode")
        keys = [text["metadataKey"] for text in texts]
        if len(set(keys)) < len(keys):
            raise ValidationError("Each entry of queryTexts must target a distinct metadata key")
        for key in keys:
            if key not in self.searches:
                raise ValidationError(f"Metadata key '{key}' is not configured for text search")
            if self.searches[key].building:
                raise ValidationError(f"The text search of metadata key '{key}' is being built")
