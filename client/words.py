"""Answers as text for a terminal."""

import json
from collections.abc import Iterator
from typing import Any

from client.answers import Answer, Neighbour, PredictAnswer

CATEGORIES = 5
FIRST_NUMBERS = 6
TITLE_CHARACTERS = 40


def json_of(answer: Answer) -> str:
    """An answer as JSON, with the keys and their order as the API gave them; a list of numbers or texts is one line."""
    return _json(answer.model_dump(mode="json", exclude_unset=True), "")


def lines_of(answer: PredictAnswer) -> Iterator[str]:
    """Category, features, embedding and listings."""
    yield f"category: {plain(answer.category)} (index {answer.category_index})"
    for entry in answer.probabilities[:CATEGORIES]:
        yield f"  {entry.probability:7.2%}  {plain(entry.category)}"
    for name, values in (("features", answer.features), ("embedding", answer.embedding)):
        first = " ".join(f"{value:.4f}" for value in values[:FIRST_NUMBERS])
        yield f"{name}: {len(values)} numbers: {first}{' ...' if len(values) > FIRST_NUMBERS else ''}"
    yield ""
    yield from _table(answer.results) if answer.results else ["no similar listings"]


def price_of(result: Neighbour) -> str:
    """The price with its currency, as far as there are any."""
    if result.price is None:
        return "no price"
    return f"{result.price:,.2f} {plain(result.currency or '')}".rstrip()


def title_of(result: Neighbour) -> str:
    """The title in one line."""
    title = plain(result.title or "").strip() or "untitled"
    return title if len(title) <= TITLE_CHARACTERS else f"{title[: TITLE_CHARACTERS - 1]}…"


def score_of(result: Neighbour) -> str:
    """The cosine, and whether it is the same photo."""
    score = "" if result.score is None else f"{result.score:.3f}"
    return f"{score} same photo".lstrip() if result.same_photo else score


def plain(text: str) -> str:
    """Text without characters that control a terminal: escapes, carriage returns, direction marks."""
    return "".join(char if char.isprintable() else " " for char in text)


def _table(results: list[Neighbour]) -> Iterator[str]:
    rows = [("score", "category", "price", "title", "image id")]
    for near in results:
        rows.append((score_of(near), plain(near.category), price_of(near), title_of(near), plain(near.image_id)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _json(value: Any, indent: str) -> str:
    inner = f"{indent}  "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(name)}: {_json(item, inner)}" for name, item in value.items()]
        return "\n".join(["{", ",\n".join(rows), f"{indent}}}"])
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "\n".join(["[", ",\n".join(f"{inner}{_json(item, inner)}" for item in value), f"{indent}]"])
    return json.dumps(value)
