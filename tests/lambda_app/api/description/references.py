"""Puts what a document refers to in the place of its references."""

from typing import Any


def dereferenced(document: dict[str, Any]) -> dict[str, Any]:
    """A copy of an OpenAPI document whose paths have no references to request bodies, answers and their schemas.

    References within schemas stay, because schemas of answers are compared by their names.
    """

    def put(part: Any, within: str = "") -> Any:
        if isinstance(part, list):
            return [put(one, within) for one in part]
        if not isinstance(part, dict):
            return part
        if isinstance(name := part.get("$ref"), str):
            _, _, kind, last = name.split("/")
            if kind != "schemas" or within == "requestBody":
                return put(document["components"][kind][last], within)
        return {key: put(value, "requestBody" if key == "requestBody" else within) for key, value in part.items()}

    return {**document, "paths": put(document["paths"])}
