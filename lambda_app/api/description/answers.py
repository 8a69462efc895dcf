"""The answers of /openapi.json: examples, headers and errors."""

import json
from pathlib import Path
from typing import Any

from lambda_app.api.description.bodies import JSON, reference
from lambda_app.api.messages import problems
from lambda_app.api.messages.schemas import Problem

# Answers of a small release, by operation id and by status. A test asks for them again and compares.
EXAMPLES = Path(__file__).with_name("examples.json")
# API Gateway gives these answers, before a request reaches this code.
GATEWAY = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
_HEADERS = ("X-Request-Id", "X-Lookalike-Release", "Server-Timing")
ERRORS = {
    400: ("Malformed", "Malformed request: no photo, or not a valid form or JSON"),
    401: ("Unauthorized", "No token, or not a valid one; the answer is API Gateway's"),
    403: ("Forbidden", "The sender may not call this route"),
    404: ("NotFound", "No such item or upload"),
    408: ("Timeout", "The body took too long to arrive"),
    413: ("TooLarge", "Over a limit of bytes, pixels or files, or of the work and memory that decoding takes"),
    415: (
        "UnsupportedMedia",
        "Not a JPEG, PNG, WebP or AVIF photo, or animated: the file's bytes decide, not its name. Or a body with a "
        "`Content-Encoding`",
    ),
    422: ("Invalid", "The photo cannot be decoded, or a parameter is out of range or unknown"),
    429: ("TooManyRequests", "Too many requests; the answer is API Gateway's"),
    501: (
        "NotSupported",
        "This deployment takes no uploads: its store is a folder. Or the live release has no index of words, or no "
        "fingerprints of its photos",
    ),
    503: (
        "Unavailable",
        "No release is live yet, the store cannot be read, or there is no room for the request now; retry after "
        "`Retry-After` seconds",
    ),
}


def headers() -> dict[str, dict[str, Any]]:
    """The headers of answers, by name."""
    text, number = {"type": "string"}, {"type": "integer", "minimum": 0}
    return {
        "X-Request-Id": {
            "description": "The id of this request, as in the log: the one that the request sent in this header, if it "
            "has up to 64 letters, digits and hyphens; else a new one.",
            "schema": text,
            "example": "5f0c2a7e-4d0b-4b1e-9d7e-6f2f0a1b2c3d",
        },
        "X-Lookalike-Release": {
            "description": "The id of the release that answered, else of the live one; `none` before one is loaded.",
            "schema": text,
            "example": "20261122-204500-1a2b3c4d",
        },
        "Server-Timing": {
            "description": "Milliseconds of the parts of the work: `decode`, `forward`, `search`, `total`.",
            "schema": text,
            "example": "decode;dur=5.9, forward;dur=8.2, search;dur=0.3, total;dur=15.0",
        },
        "Retry-After": {"description": "Seconds after which to send it again.", "schema": number, "example": 5},
        "Location": {"description": "The photo's address, which expires.", "schema": {**text, "format": "uri"}},
    }


def schemas() -> dict[str, dict[str, Any]]:
    """The schemas of errors."""
    said = {"message": {"type": "string", "examples": ["Too Many Requests"]}}
    return {
        "Problem": Problem.model_json_schema(),
        "GatewayMessage": {
            "type": "object",
            "description": "An error of API Gateway.",
            "required": ["message"],
            "properties": said,
        },
    }


def read_examples() -> dict[str, Any]:
    """The examples: `answers` by operation id, `problems` by status."""
    found: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def errors(examples: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """The answer with each status."""
    return {status: _error(status, description, examples) for status, (_, description) in ERRORS.items()}


def answered(response: dict[str, Any], example: Any) -> None:
    """Add the headers to a successful answer, and its example."""
    response["headers"] = {name: reference(name, "headers") for name in _HEADERS}
    for kind, content in response.get("content", {}).items():
        if kind != JSON:  # FastAPI has no model for a photo or a page
            content["schema"] = {"type": "string", **({"format": "binary"} if kind.startswith("image/") else {})}
    if example is not None:
        response["content"][JSON]["example"] = example


def _error(status: int, description: str, examples: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description, "content": {}}
    if status not in GATEWAY or str(status) in examples:
        names = [*_HEADERS, *(["Retry-After"] if status == 503 else [])]
        found["headers"] = {name: reference(name, "headers") for name in names}
        example = examples.get(str(status))
        found["content"][problems.MEDIA_TYPE] = {"schema": reference("Problem"), "example": example}
    if status in GATEWAY:
        found["content"][JSON] = {"schema": reference("GatewayMessage"), "example": {"message": GATEWAY[status]}}
    return found
