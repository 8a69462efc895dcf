"""The vectors of an index: float32 blocks, keys, metadata as JSON, and the columns that filters read."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.s3vectors.columns import Column, Mask

Vectors = NDArray[np.float32]

_BLOCK = 16_384
# With at most this share to look at in a block, they are picked first.
_PICKED_SHARE = 0.25


class VectorTable:
    """Vectors in slots. A slot that is freed is used again; only the slots below `count` were ever used."""

    def __init__(self, dimension: int, non_filterable: frozenset[str]) -> None:
        self._dimension = dimension
        self._non_filterable = non_filterable
        self._blocks: list[Vectors] = []
        self._norms = np.zeros(0, np.float32)
        self._alive: Mask = np.zeros(0, np.bool_)
        self._free: list[int] = []
        self.hashes = np.zeros(0, np.uint32)
        self.keys: list[str] = []
        self.slots: dict[str, int] = {}
        self.columns: dict[str, Column] = {}
        self._metadata: list[bytes] = []
        self.changes = 0

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def count(self) -> int:
        """How many slots were ever used."""
        return len(self.keys)

    @property
    def alive(self) -> Mask:
        """Which slots hold a vector."""
        return self._alive[: self.count]

    def put(self, keys: list[str], vectors: Vectors, metadata: list[dict[str, Any]]) -> None:
        """Store vectors; one that exists is replaced.

        Args:
            vectors: (n, dimension), finite.
        """
        norms = np.linalg.norm(vectors, axis=1)
        for number, (key, values) in enumerate(zip(keys, metadata, strict=True)):
            slot = self.slots.get(key)
            slot = self._new_slot(key) if slot is None else slot
            self._blocks[slot // _BLOCK][slot % _BLOCK] = vectors[number]
            self._norms[slot] = norms[number]
            self._metadata[slot] = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
            self._set_columns(slot, values)
        self.changes += 1

    def delete(self, keys: list[str]) -> int:
        """Remove the vectors of those keys that exist; how many."""
        found = [slot for key in keys if (slot := self.slots.pop(key, None)) is not None]
        for slot in found:
            self._alive[slot] = False
            self._metadata[slot] = b"{}"
            self._set_columns(slot, {})
            self._free.append(slot)
        self.changes += 1
        return len(found)

    def vector(self, slot: int) -> list[float]:
        """The numbers of a vector, each the shortest text that reads back as its float32."""
        return [float(str(number)) for number in self._blocks[slot // _BLOCK][slot % _BLOCK]]

    def metadata(self, slot: int) -> dict[str, Any]:
        """The metadata of a vector."""
        return dict(json.loads(self._metadata[slot]))

    def segment(self, number: int, count: int, first: int) -> Iterator[int]:
        """The slots of a segment that hold a vector, from a slot on.

        Args:
            number, count: of the segment, and of segments.
            first: the slot to begin with.
        """
        for begin in range(first, self.count, _BLOCK):
            part = slice(begin, min(begin + _BLOCK, self.count))
            # Not the last digits of the hash alone: ties are in its order.
            mine = self._alive[part] & (self.hashes[part] // 257 % count == number)
            yield from (begin + np.flatnonzero(mine)).tolist()

    def size(self, slot: int) -> int:
        """The bytes of a vector and its metadata."""
        return 4 * self._dimension + len(self._metadata[slot])

    def texts(self, key: str) -> Iterator[tuple[int, str]]:
        """Slot and text of every vector that has one under a metadata key."""
        marker = json.dumps(key, ensure_ascii=False).encode()
        for slot in np.flatnonzero(self.alive).tolist():
            if marker in self._metadata[slot]:
                value = self.metadata(slot).get(key)
                words = value if isinstance(value, list) else [value]
                if text := " ".join(word for word in words if isinstance(word, str)):
                    yield slot, text

    def distances(self, query: Vectors, metric: str, wanted: Mask) -> Vectors:
        """The distance of each slot from a query, in float32; infinity for slots that are not wanted.

        Args:
            query: (dimension,).
            metric: "cosine" or "euclidean".
            wanted: of each slot.
        """
        result = np.full(self.count, np.inf, np.float32)
        for number, block in enumerate(self._blocks):
            part = slice(number * _BLOCK, min((number + 1) * _BLOCK, self.count))
            # With many to look at, all are: the product is cheaper than copying the vectors.
            many = np.count_nonzero(wanted[part]) > _PICKED_SHARE * _BLOCK
            rows = slice(None) if many else wanted[part]
            vectors = block[: part.stop - part.start][rows]
            if metric == "cosine":
                norms = self._norms[part][rows] * np.linalg.norm(query)
                with np.errstate(divide="ignore", invalid="ignore"):  # in slots that were never filled again
                    result[part][rows] = 1 - (vectors @ query) / norms
            else:
                result[part][rows] = np.linalg.norm(vectors - query, axis=1)
        result[~wanted] = np.inf
        return result

    def _new_slot(self, key: str) -> int:
        if self._free:
            slot = self._free.pop()
            self.keys[slot] = key
        else:
            slot = len(self.keys)
            self._grow(slot + 1)
            self.keys.append(key)
            self._metadata.append(b"{}")
        self.slots[key] = slot
        self._alive[slot] = True
        self.hashes[slot] = zlib.crc32(key.encode())
        return slot

    def _set_columns(self, slot: int, values: dict[str, Any]) -> None:
        for name in values.keys() - self.columns.keys() - self._non_filterable:
            self.columns[name] = Column(len(self._alive))
        for name, column in self.columns.items():
            column.set(slot, values.get(name))

    def _grow(self, count: int) -> None:
        if count > len(self._blocks) * _BLOCK:
            self._blocks.append(np.empty((_BLOCK, self._dimension), np.float32))
        if count > len(self._alive):
            capacity = max(64, 2 * len(self._alive))
            more = capacity - len(self._alive)
            self._alive = np.concatenate([self._alive, np.zeros(more, np.bool_)])
            self._norms = np.concatenate([self._norms, np.zeros(more, np.float32)])
            self.hashes = np.concatenate([self.hashes, np.zeros(more, np.uint32)])
            for column in self.columns.values():
                column.grow(capacity)
