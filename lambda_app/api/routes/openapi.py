"""What the decorators of the routes say for /openapi.json. `lambda_app/api/description/` adds the rest on demand."""

from typing import Any

from pydantic import BaseModel


def named(operation_id: str, summary: str) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route: what generators call its function, and its short title."""
    return {"operation_id": operation_id, "summary": summary}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` argument of a route that may answer with one of these statuses."""
    return {status: {} for status in statuses}


def body_route(answer: type[BaseModel], body: str, *statuses: int) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes a body, one of the document's `requestBodies`."""
    return {
        "response_model": answer,
        "responses": errors(*statuses),
        "openapi_extra": {"requestBody": {"$ref": f"#/components/requestBodies/{body}"}},
    }


def photo_route(answer: type[BaseModel], body: str) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that takes one photo, or several of the same thing."""
    return body_route(answer, body, 400, 404, 408, 413, 415, 422, 429, 501, 503)


def change_route(answer: type[BaseModel], body: str | None = None) -> dict[str, Any]:
    """Keyword arguments for the decorator of a route that changes the catalogue."""
    route = {"response_model": answer, "responses": errors(403, 422, 429, 503)}
    if body is not None:
        route = body_route(answer, body, 400, 403, 408, 413, 415, 422, 429, 503)
    return {**route, "status_code": 202, "response_description": "In the log; it will be applied"}
