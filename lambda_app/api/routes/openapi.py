"""Parts of /openapi.json that FastAPI cannot derive from the routes' signatures: request bodies and error responses."""

from typing import Any

from pydantic import BaseModel

from lambda_app.api.messages import problems
from lambda_app.api.messages.form import MEDIA_TYPE
from lambda_app.api.messages.reading import BATCH_FIELD, FIELD
from lambda_app.api.messages.schemas import UploadedPhoto, UploadedPhotos
from lambda_app.photo.rules import MEDIA_TYPES
from lambda_app.settings import Settings

BINARY = {"type": "string", "format": "binary", "minLength": 1}
PHOTO_PART = {"contentType": ", ".join(sorted(MEDIA_TYPES.values()))}
_LIMITS = ("minimum", "maximum", "minItems", "maxItems")
_PROBLEMS = {
    400: "Malformed request: no photo, or not a valid form or JSON",
    403: "The sender may not change the catalogue",
    404: "No such item or upload",
    408: "The body took too long to arrive",
    413: "Over a limit of bytes, pixels or files, or of the work and memory that decoding takes",
    415: "Not a JPEG, PNG, WebP or AVIF photo, or animated: the file's bytes decide, not its name. Or a body with a "
    "`Content-Encoding`",
    422: "The photo cannot be decoded, or a parameter is out of range",
    429: "Too many requests",
    501: "This deployment takes no uploads: its store is a folder. Or the live release has no index of words, or no "
    "fingerprints of its photos",
    503: "No release is live yet, the store cannot be read, or there is no room for the request now; retry after "
    "`Retry-After` seconds",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` argument of a route that may return a problem with one of these statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _PROBLEMS[status], "content": {problems.MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def photo_route(answer: type[BaseModel], most: int = 1) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes one photo, or up to `most` of the same thing."""
    files = BINARY if most == 1 else {"type": "array", "items": BINARY, "minItems": 1, "maxItems": most}
    content = {
        MEDIA_TYPE: {
            "schema": {"type": "object", "required": [FIELD], "properties": {FIELD: files}},
            "encoding": {FIELD: PHOTO_PART},
        },
        "image/*": {"schema": BINARY},
        "application/octet-stream": {"schema": BINARY},
        "application/json": {"schema": (UploadedPhoto if most == 1 else UploadedPhotos).model_json_schema()},
    }
    return route_with(answer, content, 400, 404, 408, 413, 415, 422, 429, 501, 503)


def batch_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes several photos."""
    files = {"type": "array", "items": BINARY, "minItems": 1, "maxItems": "max_batch"}
    content = {
        MEDIA_TYPE: {
            "schema": {"type": "object", "required": [BATCH_FIELD], "properties": {BATCH_FIELD: files}},
            "encoding": {BATCH_FIELD: PHOTO_PART},
        }
    }
    return route_with(answer, content, 400, 408, 413, 422, 429, 503)


def json_route(answer: type[BaseModel], body: type[BaseModel], *statuses: int) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes a JSON body."""
    return route_with(answer, {"application/json": {"schema": body.model_json_schema()}}, *statuses)


def fill_limits(part: Any, settings: Settings) -> None:
    """Put the values of settings where a schema names a setting as its limit. A default never exceeds its maximum."""
    if isinstance(part, list):
        for entry in part:
            fill_limits(entry, settings)
    elif isinstance(part, dict):
        for limit in _LIMITS:
            if isinstance(name := part.get(limit), str):
                part[limit] = getattr(settings, name)
                if limit == "maximum" and "default" in part:
                    part["default"] = min(part["default"], part[limit])
        for entry in part.values():
            fill_limits(entry, settings)


def require_token(document: dict[str, Any]) -> None:
    """Say that requests need a bearer token, so that /docs asks for one. What is open in every mode needs none."""
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    document["security"] = [{"token": []}]
    document["paths"]["/healthcheck"]["get"]["security"] = []


def route_with(answer: type[BaseModel], content: dict[str, Any], *statuses: int) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route whose body has one of these media types."""
    body = {"required": True, "content": content}
    return {"response_model": answer, "responses": errors(*statuses), "openapi_extra": {"requestBody": body}}
