"""Checks the parameters of a request with botocore's model: types, required members, lengths, ranges, enums, patterns.

botocore's own validation is that of a client: it checks neither maxima nor enums and patterns, which the service does.
"""

import re
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from tests.s3vectors.exceptions import ValidationError

_NUMBERS = {"integer": (int,), "long": (int,), "float": (int, float), "double": (int, float)}
_FLOATS = {int, float}
# How the protocol writes those numbers that JSON lacks.
_NOT_FINITE = {"NaN", "Infinity", "-Infinity"}
# Classes of characters that Python's patterns lack, and those next to them.
_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\w", r"\p{Z}": r"\s"}


def check_parameters(shape: StructureShape, parameters: dict[str, Any]) -> None:
    """Check the parameters of an operation.

    Raises:
        ValidationError: naming the first problems, each with the path of the member.
    """
    problems: list[str] = []
    _check_structure(shape, parameters, "", problems)
    if problems:
        many = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected. "
        raise ValidationError(many + "; ".join(problems[:5]))


def _check(shape: Shape, value: Any, path: str, problems: list[str]) -> None:
    check = _CHECKS.get(shape.type_name)
    if check is None:
        raise NotImplementedError(f"no check of type {shape.type_name} at {path}")
    check(shape, value, path, problems)


def _check_structure(shape: StructureShape, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, dict):
        problems.append(f"Value at '{path}' must be an object")
    elif not shape.is_document_type:
        given = {name for name, member in value.items() if member is not None}
        problems += [f"Unknown member '{path}/{name}'" for name in value if name not in shape.members]
        problems += [
            f"Value null at '{path}/{name}' failed to satisfy constraint: Member must not be null"
            for name in shape.required_members
            if name not in given
        ]
        if shape.is_tagged_union and len(value) != 1:
            problems.append(f"Value at '{path}' must have exactly one member of {sorted(shape.members)}")
        for name in given & set(shape.members):
            _check(shape.members[name], value[name], f"{path}/{name}", problems)


def _check_list(shape: ListShape, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, list):
        problems.append(f"Value at '{path}' must be a list")
        return
    _check_limits(shape, len(value), path, "have length", problems)
    # Vectors: checking every number by itself would take longer than all else.
    if shape.member.type_name == "float" and set(map(type, value)) <= _FLOATS:
        return
    for number, member in enumerate(value):
        _check(shape.member, member, f"{path}/{number}", problems)


def _check_map(shape: MapShape, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, dict):
        problems.append(f"Value at '{path}' must be an object")
        return
    for name, member in value.items():
        _check(shape.key, name, f"{path} (key)", problems)
        _check(shape.value, member, f"{path}/{name}", problems)


def _check_string(shape: Shape, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, str):
        problems.append(f"Value at '{path}' must be a string")
        return
    _check_limits(shape, len(value), path, "have length", problems)
    enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if enum and value not in enum:
        problems.append(f"Value at '{path}' failed to satisfy constraint: Member must satisfy enum value set: {enum}")
    for name, own in _CLASSES.items():
        pattern = pattern and pattern.replace(name, own)
    if pattern and not re.fullmatch(pattern, value):
        problems.append(f"Value at '{path}' failed to satisfy constraint: Member must satisfy pattern {pattern}")


def _check_number(shape: Shape, value: Any, path: str, problems: list[str]) -> None:
    if shape.type_name in ("float", "double") and isinstance(value, str) and value in _NOT_FINITE:
        return
    if not isinstance(value, _NUMBERS[shape.type_name]) or isinstance(value, bool):
        problems.append(f"Value at '{path}' must be a number of type {shape.type_name}")
    else:
        _check_limits(shape, value, path, "be", problems)


def _check_boolean(_shape: Shape, value: Any, path: str, problems: list[str]) -> None:
    if not isinstance(value, bool):
        problems.append(f"Value at '{path}' must be a boolean")


def _check_limits(shape: Shape, size: float, path: str, what: str, problems: list[str]) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        problems.append(
            f"Value {size} at '{path}' failed to satisfy constraint: Member must {what} between {least} and {most}"
        )


_CHECKS: dict[str, Callable[[Any, Any, str, list[str]], None]] = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "boolean": _check_boolean,
    **dict.fromkeys(_NUMBERS, _check_number),
}
