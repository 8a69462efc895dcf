"""Error responses as `application/problem+json` (RFC 9457), with one table from exception to HTTP status."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from lambda_app import errors

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
MOST_ECHOED = 200  # characters of a request's path
BUSY_RETRY_AFTER_SECONDS = 1
# If an exception's class is not listed, its nearest listed base class is used.
STATUS: dict[type[errors.LookalikeError], HTTPStatus] = {
    errors.RequestError: HTTPStatus.BAD_REQUEST,
    errors.EncodedBodyError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.UnknownItemError: HTTPStatus.NOT_FOUND,
    errors.MissingObjectError: HTTPStatus.NOT_FOUND,
    errors.RequestTimeoutError: HTTPStatus.REQUEST_TIMEOUT,
    errors.RequestTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.PhotoTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedPhotoError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.UndecodablePhotoError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.QueryError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotSupportedError: HTTPStatus.NOT_IMPLEMENTED,
    errors.BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NotLiveError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.OverdueError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SearchUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem(status: int, detail: str) -> dict[str, Any]:
    """The JSON members of a problem. The type "about:blank" means: the status alone defines it (RFC 9457, 4.2.1)."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}


def problem_of(exc: errors.LookalikeError) -> dict[str, Any]:
    """The problem for an exception."""
    status = next((STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)
    return problem(status, str(exc))


def problem_response(body: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    """The HTTP response for a problem."""
    return JSONResponse(body, body["status"], headers, MEDIA_TYPE)


def retry_headers(exc: errors.LookalikeError, status: int) -> dict[str, str] | None:
    """The headers of an answer that says when to try again; None for other answers."""
    if status != HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    seconds = BUSY_RETRY_AFTER_SECONDS if isinstance(exc, errors.BusyError) else RETRY_AFTER_SECONDS
    return {"Retry-After": str(seconds)}


def handle_errors(app: FastAPI) -> None:
    """Register handlers, so that errors from routes, routing and validation become problems."""
    # Starlette's type hints say Exception, but it calls a handler only with the class it is registered for.
    app.add_exception_handler(errors.LookalikeError, _lookalike_error)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http_exception)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _validation_error)  # type: ignore[arg-type]


def validation_detail(found: Sequence[Any]) -> str:
    """A text for the first three of pydantic's errors: parameter, value received, what is expected."""
    return "; ".join(_error_text(error) for error in found[:3])


def _error_text(error: dict[str, Any]) -> str:
    # FastAPI puts the place of a parameter first in the location: "query" or "path".
    name = ".".join(str(part) for part in error["loc"] if part not in ("query", "path")) or "the body"
    if error["type"] == "missing":
        return f"{name} is missing"
    if error["type"] == "extra_forbidden":
        return f"{name} is not a field of this request"
    value = repr(error["input"])
    return f"{name} is {value if len(value) <= 80 else f'{value[:80]}...'}: {error['msg']}"


async def _lookalike_error(request: Request, exc: errors.LookalikeError) -> Response:
    body = problem_of(exc)
    return _answer(request, body, retry_headers(exc, body["status"]))


async def _http_exception(request: Request, exc: HTTPException) -> Response:
    method, path = _cut(request.scope["method"]), _cut(request.scope["path"])
    allowed = _allowed(request) or (exc.headers or {}).get("Allow", "")
    details = {
        HTTPStatus.NOT_FOUND: f"nothing found at {method} {path}{_like(request)}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{path} does not allow {method}{f'; it takes {allowed}' if allowed else ''}",
    }
    status = HTTPStatus(exc.status_code)
    # Routing says the phrase of the status alone. A route says what is missing and why.
    detail = details.get(status, exc.detail) if exc.detail == status.phrase else exc.detail
    headers = dict(exc.headers or {})
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed
    return _answer(request, problem(exc.status_code, str(detail)), headers)


def _routes(request: Request) -> list[APIRoute]:
    return [route for route in getattr(request.app.state, "routes", ()) if isinstance(route, APIRoute)]


def _like(request: Request) -> str:
    """A question that names the path most like the one asked for; empty if none is like it."""
    from difflib import get_close_matches  # only who mistypes pays for it

    known = {route.path for route in _routes(request) if route.include_in_schema and "{" not in route.path}
    # The longest path of the API has fewer characters, and the comparison takes time for each.
    like = get_close_matches(request.scope["path"][:80].lower(), sorted(known), 1, cutoff=0.7)
    return f"; did you mean {like[0]}?" if like else ""


def _allowed(request: Request) -> str:
    """The methods that a path takes. Several routes may have it, of which the router names the first alone."""
    routes = _routes(request)
    path = next((route.path for route in routes if route.matches(request.scope)[0] is not Match.NONE), None)
    same = [route.methods or set() for route in routes if route.path == path and route.include_in_schema]
    return ", ".join(sorted(set[str]().union(*same)))


async def _validation_error(request: Request, exc: RequestValidationError) -> Response:
    return _answer(request, problem(HTTPStatus.UNPROCESSABLE_ENTITY, validation_detail(exc.errors())))


def _answer(request: Request, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    # The path from the scope: `request.url` would parse the Host header, which the client controls.
    return problem_response({**body, "instance": quote(_cut(request.scope["path"]))}, headers)


def _cut(text: str) -> str:
    """A text of the client's, cut so that an answer does not grow with it."""
    return text if len(text) <= MOST_ECHOED else f"{text[:MOST_ECHOED]}..."
