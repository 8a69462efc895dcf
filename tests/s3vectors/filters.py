"""The filters of QueryVectors: `$eq $ne $gt $gte $lt $lte $in $nin $exists $and $or`, read and evaluated."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.s3vectors.columns import Column, Mask, is_number
from tests.s3vectors.exceptions import ValidationError

_JOINS: dict[str, Callable[[Mask, Mask], Mask]] = {"$and": np.logical_and, "$or": np.logical_or}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def check_filter(condition: Any, non_filterable: frozenset[str]) -> None:
    """Check a filter.

    Raises:
        ValidationError: it is not one, or it names a key that cannot be filtered.
    """
    if not isinstance(condition, dict) or not condition:
        raise ValidationError("Invalid filter: a filter must be a non-empty object")
    for name, value in condition.items():
        if name in _JOINS:
            if not isinstance(value, list) or not value:
                raise ValidationError(f"Invalid filter: {name} must have a non-empty list of filters")
            for part in value:
                check_filter(part, non_filterable)
        elif name.startswith("$"):
            raise ValidationError(f"Invalid filter: unknown operator {name}")
        elif name in non_filterable:
            raise ValidationError(f"Invalid filter: metadata key '{name}' is not filterable")
        else:
            _check_condition(name, value)


def passing(condition: Mapping[str, Any], columns: Mapping[str, Column], count: int) -> Mask:
    """Which of the first vectors pass a filter that was checked.

    Args:
        columns: by metadata key.
        count: of vectors.
    """
    passed = np.ones(count, np.bool_)
    for name, value in condition.items():
        if name in _JOINS:
            parts = [passing(part, columns, count) for part in value]
            found = parts[0]
            for part in parts[1:]:
                found = _JOINS[name](found, part)
            passed &= found
        else:
            column = columns.get(name) or Column(count)
            for test, wanted in (value if isinstance(value, dict) else {"$eq": value}).items():
                passed &= _passing(column, test, wanted, count)
    return passed


def _passing(column: Column, test: str, wanted: Any, count: int) -> Mask:
    if test in _COMPARISONS:
        # A missing number is NaN, which no comparison passes.
        return np.asarray(_COMPARISONS[test](column.numbers[:count], wanted))
    if test == "$exists":
        return column.present(count) == wanted
    found = np.zeros(count, np.bool_)
    for value in wanted if test in ("$in", "$nin") else [wanted]:
        found |= column.equal(value, count)
    return ~found if test in ("$ne", "$nin") else found


def _check_condition(name: str, value: Any) -> None:
    if _is_primitive(value):
        return
    if not isinstance(value, dict) or not value:
        raise ValidationError(f"Invalid filter: the condition of '{name}' must be a value or operators")
    for test, wanted in value.items():
        if not _VALID.get(test, lambda _wanted: False)(wanted):
            raise ValidationError(f"Invalid filter: unknown operator or value of '{name}': {test}")


def _is_primitive(value: Any) -> bool:
    return isinstance(value, str | bool) or is_number(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_primitive, value))


_VALID: dict[str, Callable[[Any], bool]] = {
    "$eq": _is_primitive,
    "$ne": _is_primitive,
    **dict.fromkeys(_COMPARISONS, is_number),
    "$in": _is_list,
    "$nin": _is_list,
    "$exists": lambda value: isinstance(value, bool),
}
