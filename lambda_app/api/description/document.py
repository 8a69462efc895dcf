"""Completes the document that FastAPI derives from the routes' signatures."""

from typing import Any

from lambda_app.api.description import answers, bodies
from lambda_app.api.description.access import operations, protect
from lambda_app.settings import Settings

_LIMITS = ("minimum", "maximum", "minItems", "maxItems")
_TAGS = {
    "photos": "Send a photo: its category, its embedding, the listings that are like it.",
    "items": "The listings: found by words, by their id, by what is liked.",
    "service": "Whether the service is up, and what answers.",
    "catalogue": "For operators: changes of the catalogue.",
}


def describe(document: dict[str, Any], settings: Settings) -> None:
    """Complete a document in place: request bodies, answers, limits, who may call."""
    examples = answers.read_examples()
    document["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
    document["servers"] = [{"url": "/", "description": "Where this document is."}]
    components = document["components"]
    components["schemas"] |= {**bodies.schemas(), **answers.schemas()}
    components["requestBodies"] = bodies.bodies(settings)
    if settings.catalogue_writes != "none":
        from lambda_app.api.description.changes import change_bodies, change_schemas

        components["schemas"] |= change_schemas()
        components["requestBodies"] |= change_bodies(settings)
    protect(document, settings)
    used: set[int] = set()
    for _, _, operation in operations(document):
        used |= _answer(operation, examples["answers"])
    tags = {operation["tags"][0] for *_, operation in operations(document)}
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items() if name in tags]
    found = answers.errors(examples["problems"])
    components["responses"] = {answers.ERRORS[status][0]: found[status] for status in sorted(used)}
    components["headers"] = answers.headers()
    fill_limits(document, settings)


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


def _answer(operation: dict[str, Any], examples: dict[str, Any]) -> set[int]:
    """Describe the answers of an operation; the statuses of its errors."""
    statuses = set()
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            statuses.add(int(status))
            operation["responses"][status] = bodies.reference(answers.ERRORS[int(status)][0], "responses")
        else:
            answers.answered(response, examples.get(operation["operationId"]))
            if status == "307":
                response["headers"]["Location"] = bodies.reference("Location", "headers")
    return statuses
