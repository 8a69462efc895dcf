"""What a query must find, computed exactly and slowly from what was put. It shares no code with the backend."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Stored:
    """A vector that was put."""

    key: str
    vector: list[float]
    metadata: Mapping[str, Any]


def passes(condition: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    """Whether metadata pass a filter."""
    for name, wanted in condition.items():
        if name == "$and":
            holds = all(passes(part, metadata) for part in wanted)
        elif name == "$or":
            holds = any(passes(part, metadata) for part in wanted)
        elif isinstance(wanted, dict):
            holds = all(_holds(test, value, metadata.get(name)) for test, value in wanted.items())
        else:
            holds = _holds("$eq", wanted, metadata.get(name))
        if not holds:
            return False
    return True


def _holds(test: str, wanted: Any, value: Any) -> bool:
    match test:
        case "$exists":
            return bool((value is not None) == wanted)
        case "$eq":
            return _equals(value, wanted)
        case "$ne":
            return not _equals(value, wanted)
        case "$in":
            return any(_equals(value, one) for one in wanted)
        case "$nin":
            return not any(_equals(value, one) for one in wanted)
    if type(value) not in (int, float):
        return False
    return bool({"$gt": value > wanted, "$gte": value >= wanted, "$lt": value < wanted, "$lte": value <= wanted}[test])


def _equals(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return any(_equals(one, wanted) for one in value)
    kinds = {bool: "bool", str: "text", int: "number", float: "number"}
    return kinds.get(type(value)) == kinds[type(wanted)] and value == wanted


def cosine_distance(one: list[float], other: list[float]) -> float:
    """1 - cosine, in double precision of the float32 numbers."""
    a, b = (np.array(numbers, np.float32).astype(np.float64) for numbers in (one, other))
    return float(1 - a @ b / (np.sqrt(a @ a) * np.sqrt(b @ b)))


def nearest(
    stored: Iterable[Stored], query: list[float], condition: Mapping[str, Any] | None = None
) -> list[tuple[str, float]]:
    """All keys that pass a filter and their distances, nearest first."""
    found = [
        (one.key, cosine_distance(one.vector, query))
        for one in stored
        if condition is None or passes(condition, one.metadata)
    ]
    return sorted(found, key=lambda pair: pair[1])


def bm25(stored: Iterable[Stored], name: str, text: str) -> dict[str, float]:
    """The BM25 score of every vector whose text under a metadata key has a word of a query; k1 1.2, b 0.75."""
    texts = {one.key: _words(one.metadata[name]) for one in stored if isinstance(one.metadata.get(name), str)}
    mean = sum(map(len, texts.values())) / len(texts)
    scores: dict[str, float] = {}
    for word in sorted(set(_words(text))):
        having = [key for key in texts if word in texts[key]]
        weight = math.log((len(texts) - len(having) + 0.5) / (len(having) + 0.5) + 1)
        for key in having:
            times = texts[key].count(word)
            length = 1.2 * (0.25 + 0.75 * len(texts[key]) / mean)
            scores[key] = scores.get(key, 0.0) + weight * 2.2 * times / (times + length)
    return scores


def fused(rankings: Iterable[list[str]]) -> dict[str, float]:
    """Reciprocal rank fusion of rankings, each best first; constant 60."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for number, key in enumerate(ranking):
            scores[key] = scores.get(key, 0.0) + 1 / (61 + number)
    return scores


def _words(text: str) -> list[str]:
    letters = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text.lower())
    return letters.split()


def assert_ranked(found: list[tuple[str, float]], expected: list[tuple[str, float]], count: int) -> None:
    """Check results, whose ties may come in any order.

    Args:
        found: key and distance, as a query returned them.
        expected: key and distance of everything that qualifies, nearest first.
        count: how many were asked for.
    """
    near = 2e-6
    exact = dict(expected)
    assert len(found) == min(count, len(expected))
    assert len({key for key, _ in found}) == len(found), "a key comes twice"
    for (key, distance), (_, wanted) in zip(found, expected, strict=False):
        assert abs(distance - wanted) < near, f"{key}: {distance} at the place of {wanted}"
        assert abs(distance - exact[key]) < near, f"{key} has a distance of {exact[key]}, not {distance}"
