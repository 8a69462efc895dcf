"""Filterable metadata by key, in arrays, so that a filter reads a million vectors in milliseconds."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number: true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class Column:
    """The values of one key. Numbers lie in an array; each other value that occurs has a code, 0 means none."""

    def __init__(self, capacity: int) -> None:
        self.numbers: NDArray[np.float64] = np.full(capacity, np.nan)
        self.codes: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self.values: list[Any] = [None]
        self._code_of: dict[str, int] = {}
        self._lists: list[int] = []

    def grow(self, capacity: int) -> None:
        """Make room for further vectors."""
        more = capacity - len(self.numbers)
        self.numbers = np.concatenate([self.numbers, np.full(more, np.nan)])
        self.codes = np.concatenate([self.codes, np.zeros(more, np.int32)])

    def set(self, slot: int, value: Any) -> None:
        """Store the value of a vector; None if it has none."""
        self.numbers[slot] = value if is_number(value) else np.nan
        self.codes[slot] = 0 if value is None or is_number(value) else self._code(value)

    def present(self, count: int) -> Mask:
        """Which of the first vectors have a value."""
        return np.asarray((self.codes[:count] != 0) | ~np.isnan(self.numbers[:count]))

    def equal(self, value: Any, count: int) -> Mask:
        """Which values equal this one, or are a list that holds it."""
        found = self.numbers[:count] == value if is_number(value) else np.zeros(count, np.bool_)
        wanted = [code for code in self._lists if any(_same(member, value) for member in self.values[code])]
        if not is_number(value):
            wanted.append(self._code_of.get(_canonical(value), -1))
        return np.asarray(found | np.isin(self.codes[:count], wanted))

    def _code(self, value: Any) -> int:
        canonical = _canonical(value)
        code = self._code_of.get(canonical)
        if code is None:
            code = self._code_of[canonical] = len(self.values)
            self.values.append(value)
            if isinstance(value, list):
                self._lists.append(code)
        return code


def _canonical(value: Any) -> str:
    return f"s{value}" if isinstance(value, str) else f"j{json.dumps(value)}"


def _same(one: Any, other: Any) -> bool:
    return is_number(one) == is_number(other) and isinstance(one, bool) == isinstance(other, bool) and one == other
