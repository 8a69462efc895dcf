"""Who may call, in /openapi.json: security schemes for each mode of auth."""

from collections.abc import Iterator
from typing import Any

from lambda_app.settings import Settings

_SCHEMES: dict[str, dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the OpenID provider that `/config.json` names.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": "AWS Signature Version 4 of the request, for the service `execute-api`.",
    },
}
_OF_AUTH = {"jwt": "token", "cognito": "token", "iam": "signature"}
# Open in every mode. Photos are so unless the operator closes them, which this process does not know.
_OPEN, _MAYBE_OPEN = "/healthcheck", "/images/{image_id}"
_REFUSALS = {"token": (401, 403), "signature": (403,)}


def protect(document: dict[str, Any], settings: Settings) -> None:
    """Say of each operation who may call it, and add the answers to others."""
    general = _OF_AUTH.get(settings.auth)
    used = {general} if general else set[str]()
    document["security"] = [{general: []}] if general else []
    for path, method, operation in operations(document):
        scheme = general
        if path == _OPEN and general:
            scheme, operation["security"] = None, []
        elif path == _MAYBE_OPEN and general:
            operation["security"] = [{}, {general: []}]
        elif method in ("put", "delete") or path.endswith(":batch"):
            scheme = "signature" if settings.catalogue_writes == "iam" else None
            operation["security"] = [{scheme: []}] if scheme else []
            used |= {scheme} if scheme else set[str]()
        for status in _REFUSALS[scheme] if scheme else ():
            operation["responses"].setdefault(str(status), {})
    if used:
        document["components"]["securitySchemes"] = {name: _SCHEMES[name] for name in sorted(used)}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation
