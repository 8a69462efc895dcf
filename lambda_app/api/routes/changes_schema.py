"""The bodies and answers of the routes that change the catalogue, for /openapi.json."""

from typing import Any

from pydantic import BaseModel

from lambda_app.api.messages.changing import ITEM_FIELD
from lambda_app.api.messages.form import MEDIA_TYPE
from lambda_app.api.messages.reading import FIELD
from lambda_app.api.routes.openapi import BINARY, PHOTO_PART, errors, route_with
from lambda_app.catalogue.changes import MOST_CHANGES, Item, Remove, Update, Upsert

_TEXT = r"^[^\x00]*$"
_NAME = {"type": "string", "minLength": 1, "pattern": _TEXT}
_PHOTO_KEY = r"^datasets/[^/\\]+(/[^/\\]+)+$"


def put_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of the route that adds or replaces an item."""
    item = _with_photo_key(_inlined(Item.model_json_schema()))
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
    upsert, update, remove = (_inlined(kind.model_json_schema()) for kind in (Upsert, Update, Remove))
    _with_photo_key(upsert["properties"]["item"])
    update["properties"]["set"] |= {"minProperties": 1}
    update["properties"]["set"]["properties"]["category"] = _NAME
    kinds = [upsert, *_of_one(update), *_of_one(remove)]
    for kind in kinds:
        kind["required"] = ["op", *kind.get("required", [])]
    changes = {"type": "array", "minItems": 1, "maxItems": MOST_CHANGES, "items": {"oneOf": kinds}}
    schema = {"type": "object", "required": ["changes"], "properties": {"changes": changes}}
    content = {"application/json": {"schema": {**schema, "additionalProperties": False}}}
    return _accepted(route_with(answer, content, 400, 403, 408, 413, 415, 422, 429, 503))


def delete_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of the route that removes an item."""
    return _accepted({"response_model": answer, "responses": errors(403, 422, 429, 503)})


def _of_one(change: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of a change of a photo, and of all photos of a product."""
    found = []
    for given, other in (("image_id", "product_id"), ("product_id", "image_id")):
        properties = {**change["properties"], given: _NAME, other: {"type": "null"}}
        required = [*change.get("required", []), given]
        found.append({**change, "properties": properties, "required": required})
    return found


def _with_photo_key(item: dict[str, Any]) -> dict[str, Any]:
    item["properties"]["photo"] |= {"pattern": _PHOTO_KEY, "description": "Key of a photo in the store."}
    return item


def _accepted(route: dict[str, Any]) -> dict[str, Any]:
    return {**route, "status_code": 202, "response_description": "In the log; it will be applied"}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema with its definitions in the places that refer to them, and texts without the character NUL."""
    definitions = schema.pop("$defs", {})

    def put(part: Any) -> Any:
        if isinstance(part, list):
            return [put(one) for one in part]
        if not isinstance(part, dict):
            return part
        if isinstance(name := part.get("$ref"), str):
            return put(definitions[name.rpartition("/")[2]])
        if part.get("type") == "string" and "const" not in part:
            part = {"pattern": _TEXT, **part}
        return {key: put(value) for key, value in part.items()}

    found: dict[str, Any] = put(schema)
    return found
