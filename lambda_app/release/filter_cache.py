"""The rows that pass the latest filters."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Filter = TypeVar("Filter")
Rows = TypeVar("Rows")

# With ten million rows, each result takes 1.25 MB. A query with a photo uses one for each category that it searches on
# its own.
CACHED_FILTERS = 32


class FilterCache(Generic[Filter, Rows]):
    """Keeps the results of the latest filters. Thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self._results: OrderedDict[Filter, Rows] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, where: Filter, compute: Callable[[], Rows]) -> Rows:
        """The result of a filter, computed if it is not among the latest."""
        with self._lock:
            if where in self._results:
                self._results.move_to_end(where)
                return self._results[where]
        found = compute()
        with self._lock:
            self._results[where] = found
            if len(self._results) > CACHED_FILTERS:
                self._results.popitem(last=False)
        return found
