"""The bodies and answers of the routes that change the catalogue, for /openapi.json."""

from typing import Any

from pydantic import BaseModel

from lambda_app.api.messages.changing import ITEM_FIELD
from lambda_app.api.messages.form import MEDIA_TYPE
from lambda_app.api.messages.reading import FIELD
from lambda_app.api.routes.openapi import BINARY, PHOTO_PART, errors, route_with
from lambda_app.catalogue.changes import MOST_CHANGES, Item, Remove, Update, Upsert

_PHOTO_KEY = r"^datasets/[^/\\]+(/[^/\\]+)+$"


def put_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of the route that adds or replaces an item."""
    item = Item.model_json_schema()
    item["properties"]["photo"] |= {"pattern": _PHOTO_KEY, "description": "Key of a photo in the store."}
    item["properties"].pop("image_id")
    item["required"].remove("image_id")
    listing = {**item, "properties": {key: value for key, value in item["properties"].items() if key != "photo"}}
    listing["required"] = [key for key in item["required"] if key != "photo"]
    form = {"type": "object", "required": [ITEM_FIELD, FIELD], "properties": {ITEM_FIELD: listing, FIELD: BINARY}}
    content = {
        "application/json": {"schema": item},
        MEDIA_TYPE: {"schema": form, "encoding": {ITEM_FIELD: {"contentType": "application/json"}, FIELD: PHOTO_PART}},
    }
    return _accepted(route_with(answer, content, 400, 403, 408, 413, 415, 422, 429, 503))


def changes_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of the route that takes many changes."""
    kinds = [_inlined(kind.model_json_schema()) for kind in (Upsert, Update, Remove)]
    for kind in kinds:
        kind["required"] = ["op", *kind.get("required", [])]
    changes = {"type": "array", "minItems": 1, "maxItems": MOST_CHANGES, "items": {"oneOf": kinds}}
    schema = {"type": "object", "required": ["changes"], "properties": {"changes": changes}}
    content = {"application/json": {"schema": {**schema, "additionalProperties": False}}}
    return _accepted(route_with(answer, content, 400, 403, 408, 413, 415, 422, 429, 503))


def delete_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of the route that removes an item."""
    return _accepted({"response_model": answer, "responses": errors(403, 422, 429, 503)})


def _accepted(route: dict[str, Any]) -> dict[str, Any]:
    return {**route, "status_code": 202, "response_description": "In the log; it will be applied"}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema with its definitions in the places that refer to them."""
    definitions = schema.pop("$defs", {})

    def put(part: Any) -> Any:
        if isinstance(part, list):
            return [put(one) for one in part]
        if not isinstance(part, dict):
            return part
        if isinstance(name := part.get("$ref"), str):
            return put(definitions[name.rpartition("/")[2]])
        return {key: put(value) for key, value in part.items()}

    found: dict[str, Any] = put(schema)
    return found
