"""Parts of /openapi.json that FastAPI cannot derive from the routes' signatures: request bodies and error responses."""

from typing import Any

from pydantic import BaseModel

from lambda_app.api.messages import problems
from lambda_app.api.messages.form import MEDIA_TYPE
from lambda_app.api.messages.reading import BATCH_FIELD, FIELD
from lambda_app.api.messages.schemas import UploadedPhoto

_BINARY = {"type": "string", "format": "binary"}
_PROBLEMS = {
    400: "Malformed request: no photo, or not a valid form or JSON",
    404: "No such item or upload",
    413: "Too many bytes, pixels or files",
    415: "Not a JPEG, PNG or WebP photo, or animated; the file's bytes decide, not its name",
    422: "The photo cannot be decoded, or a parameter is out of range",
    429: "Too many requests",
    501: "Not supported by this deployment",
    503: "No release is live yet, or the store cannot be read; retry after `Retry-After` seconds",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` argument of a route that may return a problem with one of these statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _PROBLEMS[status], "content": {problems.MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def photo_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes one photo."""
    content = {
        MEDIA_TYPE: {"schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _BINARY}}},
        "image/*": {"schema": _BINARY},
        "application/json": {"schema": UploadedPhoto.model_json_schema()},
    }
    return _route(answer, content, 400, 404, 413, 415, 422, 429, 501, 503)


def batch_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes several photos."""
    files = {"type": "array", "items": _BINARY}
    content = {
        MEDIA_TYPE: {"schema": {"type": "object", "required": [BATCH_FIELD], "properties": {BATCH_FIELD: files}}}
    }
    return _route(answer, content, 400, 413, 422, 429, 503)


def json_route(answer: type[BaseModel], body: type[BaseModel], *statuses: int) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes a JSON body."""
    return _route(answer, {"application/json": {"schema": body.model_json_schema()}}, *statuses)


def _route(answer: type[BaseModel], content: dict[str, Any], *statuses: int) -> dict[str, Any]:
    body = {"required": True, "content": content}
    return {"response_model": answer, "responses": errors(*statuses), "openapi_extra": {"requestBody": body}}
