"""Vectors of an index that are no items: something else than the loader wrote them. Answers leave them out."""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from lambda_app.errors import ReleaseError
from lambda_app.release.catalog import CatalogItem
from lambda_app.search.s3vectors.schema import item_of

# The log names the first one, and says when there are so many.
_TOLD = (10, 100, 1_000)

log = logging.getLogger(__name__)


class Strays:
    """Reads items from vectors, and tells the log about those that are none: a line or a few for each loaded release.

    Thread-safe.
    """

    def __init__(self, index: str) -> None:
        """None was seen so far.

        Args:
            index: its name, for the log.
        """
        self._index = index
        self._lock = threading.Lock()
        self._keys: set[str] = set()

    def item(self, vector: Mapping[str, Any], *, described: bool = False) -> tuple[int, CatalogItem] | None:
        """The row and the item of a vector, without its description unless asked for; None if it is no item."""
        metadata = vector.get("metadata") or {}
        if not described:
            metadata = {name: value for name, value in metadata.items() if name != "description"}
        try:
            return item_of(vector["key"], metadata)
        except ReleaseError as exc:
            self._note(vector["key"], exc)
            return None

    def _note(self, key: str, reason: ReleaseError) -> None:
        with self._lock:
            if key in self._keys or len(self._keys) == _TOLD[-1]:
                return
            self._keys.add(key)
            count = len(self._keys)
        if count == 1:
            log.warning(
                "index %s has a vector that is left out of answers: %s. More of them are only counted. "
                "scripts/vectors check names them; scripts/vectors load --again puts all items and deletes the rest",
                self._index,
                reason,
            )
        elif count in _TOLD:
            log.warning("index %s has at least %d vectors that are left out of answers", self._index, count)
