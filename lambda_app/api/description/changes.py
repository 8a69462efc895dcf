"""The bodies of the routes that change the catalogue, for /openapi.json."""

from typing import Any

from lambda_app.api.description.bodies import BINARY, JSON, PHOTO_PART, body, reference
from lambda_app.api.messages.changing import ITEM_FIELD
from lambda_app.api.messages.form import MEDIA_TYPE
from lambda_app.api.messages.reading import FIELD
from lambda_app.catalogue.changes import MOST_CHANGES, Item, NewValues
from lambda_app.catalogue.log import MOST_UPSERTS
from lambda_app.settings import Settings

_TEXT = r"^[^\x00]*$"
_NAME = {"type": "string", "minLength": 1, "pattern": _TEXT}
_PHOTO_KEY = r"^datasets/[^/\\]+(/[^/\\]+)+$"
_TARGETS = {"Photo": ("image_id", "product_id"), "Product": ("product_id", "image_id")}


def change_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of the bodies."""
    item = _plain(Item.model_json_schema())
    item["properties"]["photo"] |= {"pattern": _PHOTO_KEY, "description": "Key of a photo in the store."}
    values = _plain(NewValues.model_json_schema())
    values |= {"minProperties": 1, "description": "The fields that change. Null clears a field."}
    values["properties"]["category"] = _NAME
    found = {
        "CatalogItem": {**item, "description": "An item of the catalogue."},
        "ItemFields": {**_without(item, "image_id"), "description": "An item, whose photo is in the store."},
        "NewItemFields": {**_without(item, "image_id", "photo"), "description": "An item, whose photo comes with it."},
        "ItemForm": _strict({ITEM_FIELD: reference("NewItemFields"), FIELD: BINARY}, "An item and its photo."),
        "NewValues": values,
        "Upsert": _change(
            "upsert", "Add a photo, or replace the one with this image id.", item=reference("CatalogItem")
        ),
    }
    for target, names in _TARGETS.items():
        found[f"Update{target}"] = _of_one(
            "update", f"Change fields of a {target.lower()}.", names, reference("NewValues")
        )
        found[f"Remove{target}"] = _of_one("remove", f"Remove a {target.lower()}.", names, None)
    # Tools that make up a long list take the first kind, and no list may have as many of the last one.
    kinds = [*(f"{op}{target}" for op in ("Remove", "Update") for target in _TARGETS), "Upsert"]
    changes = {
        "type": "array",
        "description": f"In the order in which they apply; of them at most {MOST_UPSERTS:,} with `op` upsert.",
        "minItems": 1,
        "maxItems": MOST_CHANGES,
        "items": {"anyOf": [reference(name) for name in kinds]},
    }
    found["Changes"] = _strict({"changes": changes}, "Changes that are applied as a whole.")
    return found


def change_bodies(settings: Settings) -> dict[str, dict[str, Any]]:
    """The bodies."""
    most = f"{settings.max_body_bytes:,} bytes at most"
    encoding = {ITEM_FIELD: {"contentType": JSON}, FIELD: PHOTO_PART}
    content = {
        JSON: {"schema": reference("ItemFields")},
        MEDIA_TYPE: {"schema": reference("ItemForm"), "encoding": encoding},
    }
    return {
        "Item": body(f"An item: with the key of its photo, or with its photo in a form; {most}.", content),
        "Changes": body(f"Changes of the catalogue; {most}.", {JSON: {"schema": reference("Changes")}}),
    }


def _of_one(op: str, description: str, names: tuple[str, str], values: dict[str, str] | None) -> dict[str, Any]:
    """The schema of a change of one photo, or of all photos of a product: the other id is null or absent."""
    given, other = names
    change = _change(op, description, **{given: _NAME}, **({"set": values} if values else {}))
    return {**change, "properties": {**change["properties"], other: {"type": "null"}}}


def _change(op: str, description: str, **fields: dict[str, Any]) -> dict[str, Any]:
    return _strict({"op": {"type": "string", "const": op}, **fields}, description)


def _strict(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": [*properties],
        "properties": properties,
        "additionalProperties": False,
    }


def _without(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    properties = {name: field for name, field in schema["properties"].items() if name not in names}
    return {**schema, "properties": properties, "required": [name for name in schema["required"] if name not in names]}


def _plain(part: Any) -> Any:
    """A schema whose texts are without the character NUL, and that names no class of this code."""
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") == "string":
        part = {"pattern": _TEXT, **part}
    return {key: _plain(value) for key, value in part.items() if key != "title" or isinstance(value, dict)}
