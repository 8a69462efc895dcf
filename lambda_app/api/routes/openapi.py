"""What /openapi.json says beyond the routes' signatures: forms with photos, and errors as problems."""

from typing import Any

from pydantic import BaseModel

from lambda_app.api.messages import problems
from lambda_app.api.messages.form import MEDIA_TYPE
from lambda_app.api.messages.reading import BATCH_FIELD, FIELD
from lambda_app.api.messages.schemas import UploadedPhoto

_BINARY = {"type": "string", "format": "binary"}
_PROBLEMS = {
    400: "Malformed: no photo, no form, no JSON",
    404: "Unknown id",
    413: "Over the limit of bytes, pixels or files",
    415: "Not a still JPEG, PNG or WebP, judged by its bytes",
    422: "A photo that does not decode, or a parameter out of range",
    429: "Throttled",
    501: "Not offered by this deployment",
    503: "No release is live yet; try again after Retry-After seconds",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer these statuses with a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _PROBLEMS[status], "content": {problems.MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def photo_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments of a route that takes one photo."""
    content = {
        MEDIA_TYPE: {"schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _BINARY}}},
        "image/*": {"schema": _BINARY},
        "application/json": {"schema": UploadedPhoto.model_json_schema()},
    }
    return _route(answer, content, 400, 404, 413, 415, 422, 429, 501, 503)


def batch_route(answer: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments of a route that takes several photos."""
    files = {"type": "array", "items": _BINARY}
    content = {
        MEDIA_TYPE: {"schema": {"type": "object", "required": [BATCH_FIELD], "properties": {BATCH_FIELD: files}}}
    }
    return _route(answer, content, 400, 413, 422, 429, 503)


def json_route(answer: type[BaseModel], asked: type[BaseModel], *statuses: int) -> dict[str, Any]:
    """Keyword arguments of a route that takes JSON."""
    return _route(answer, {"application/json": {"schema": asked.model_json_schema()}}, *statuses)


def _route(answer: type[BaseModel], content: dict[str, Any], *statuses: int) -> dict[str, Any]:
    body = {"required": True, "content": content}
    return {"response_model": answer, "responses": errors(*statuses), "openapi_extra": {"requestBody": body}}
