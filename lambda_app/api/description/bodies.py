"""The request bodies of /openapi.json, by the names with which the routes refer to them."""

from typing import Any

from pydantic import BaseModel

from lambda_app.api.messages.form import MEDIA_TYPE
from lambda_app.api.messages.parameters import RecommendRequest
from lambda_app.api.messages.reading import BATCH_FIELD, FIELD
from lambda_app.api.messages.schemas import UploadedPhoto, UploadedPhotos, UploadRequest
from lambda_app.photo.rules import MEDIA_TYPES
from lambda_app.recommendation.query import MAX_PHOTOS
from lambda_app.settings import Settings

JSON = "application/json"
BINARY = {"type": "string", "format": "binary", "minLength": 1}
PHOTO_PART = {"contentType": ", ".join(sorted(MEDIA_TYPES.values()))}
_SEVERAL = {"type": "array", "items": BINARY, "minItems": 1}


def reference(name: str, kind: str = "schemas") -> dict[str, str]:
    """A reference to a component of the document."""
    return {"$ref": f"#/components/{kind}/{name}"}


def form(field: str, files: dict[str, Any], description: str) -> dict[str, Any]:
    """The schema of a form with one field."""
    return {
        "type": "object",
        "description": description,
        "required": [field],
        "properties": {field: files},
        "additionalProperties": False,
    }


def body(description: str, content: dict[str, Any]) -> dict[str, Any]:
    """A body that a request must have, with one of these media types."""
    return {"description": description, "required": True, "content": content}


def schemas() -> dict[str, dict[str, Any]]:
    """The schemas of the bodies."""
    one, several = _uploaded()
    return {
        "PhotoForm": form(FIELD, BINARY, "A form with a photo."),
        "PhotosForm": form(FIELD, {**_SEVERAL, "maxItems": MAX_PHOTOS}, "A form with photos of the same thing."),
        "BatchForm": form(BATCH_FIELD, {**_SEVERAL, "maxItems": "max_batch"}, "A form with photos of many things."),
        "UploadedPhoto": one,
        "UploadedPhotos": several,
        "UploadRequest": schema_of(UploadRequest),
        "RecommendRequest": schema_of(RecommendRequest),
    }


def bodies(settings: Settings) -> dict[str, dict[str, Any]]:
    """The bodies, but those of the routes that change the catalogue."""
    most = f"{settings.max_body_bytes:,} bytes at most"
    part = {FIELD: PHOTO_PART}
    raw = {"image/*": {"schema": BINARY}, "application/octet-stream": {"schema": BINARY}}
    either = {"oneOf": [reference("UploadedPhoto"), reference("UploadedPhotos")]}
    return {
        "Photo": body(
            f"A photo: in a form, as the body itself, or the key of an uploaded one; {most}.",
            {
                MEDIA_TYPE: {"schema": reference("PhotoForm"), "encoding": part},
                **raw,
                JSON: {"schema": reference("UploadedPhoto")},
            },
        ),
        "Photos": body(
            f"A photo, or up to {MAX_PHOTOS} of the same thing: in a form, one as the body itself, or the keys of "
            f"uploaded ones; {most}.",
            {
                MEDIA_TYPE: {"schema": reference("PhotosForm"), "encoding": part},
                **raw,
                JSON: {"schema": either},
            },
        ),
        "Batch": body(
            f"Up to {settings.max_batch} photos in a form; {most}.",
            {MEDIA_TYPE: {"schema": reference("BatchForm"), "encoding": {BATCH_FIELD: PHOTO_PART}}},
        ),
        "Upload": body("What is to be uploaded.", {JSON: {"schema": reference("UploadRequest")}}),
        "Recommend": body("What the results are to be near.", {JSON: {"schema": reference("RecommendRequest")}}),
    }


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model without nested models."""
    return model.model_json_schema()


def _uploaded() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas of one key and of several keys."""
    several = schema_of(UploadedPhotos)
    field = several["properties"]["uploads"]
    return schema_of(UploadedPhoto), {
        "type": "object",
        "description": "A reference to photos of the same thing that were uploaded before.",
        "required": ["uploads"],
        "properties": {"uploads": field},
        "additionalProperties": False,
    }
