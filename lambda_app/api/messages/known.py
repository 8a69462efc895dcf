"""Refuses names that a route does not know: a typo must not change what is found without a word."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import from_json

from lambda_app.api.messages.form import Part
from lambda_app.errors import QueryError
from lambda_app.recommendation.query import shortened

# A request that is signed in its query string has parameters with this prefix, in upper or lower case.
SIGNATURE = "x-amz-"
_MOST_NAMED = 3


class StrictRoute(APIRoute):
    """A route that answers 422 to query parameters that it does not have, before it reads the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, behind the check. A route that is not described is left as it is."""
        answer, known = super().get_route_handler(), frozenset(query_names(self.dependant))
        if not self.include_in_schema:
            return answer
        path = self.path_format

        async def checked(request: Request) -> Response:
            given = request.query_params
            if unknown := [name for name in given if name not in known and not name.lower().startswith(SIGNATURE)]:
                what = f"a query parameter of {request.method} {path}"
                of_body = [shortened(name) for name in unknown if name in body_names(self.dependant)]
                hint = f". Send {', '.join(of_body)} in the JSON of the body" if of_body else ""
                raise QueryError(unknown_names(unknown, what, known) + hint)
            return await answer(request)

        return checked


def query_names(dependant: Dependant) -> Iterator[str]:
    """The names of the query parameters of a route and of what it depends on."""
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from model.model_fields
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from query_names(dependency)


def body_names(dependant: Dependant) -> set[str]:
    """The fields of the JSON bodies that the dependencies of a route read: of the models that they return."""
    models = [get_type_hints(one.call).get("return") for one in dependant.dependencies if one.call is not None]
    return {
        name
        for model in models
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name in model.model_fields
    }


def check_form(parts: Iterable[Part], *known: str) -> None:
    """Check that a form has these fields alone.

    Raises:
        QueryError: it has others; the message names them.
    """
    if unknown := [part.name for part in parts if part.name not in known]:
        said = unknown_names(unknown, "a field of this form", known)
        raise QueryError(f"{said}. The parameters of a search belong in the query string")


def unknown_fields(body: bytes, model: type[BaseModel]) -> list[str]:
    """The fields of a JSON object that a model forbids; none of what is no JSON object.

    The model would make an error of each: for a body of some megabytes, these take seconds and hundreds of megabytes.
    """
    if model.model_config.get("extra") != "forbid":
        return []
    try:
        given = from_json(body)
    except ValueError:
        return []
    return [name for name in given if name not in model.model_fields] if isinstance(given, dict) else []


def unknown_names(unknown: Iterable[str], what: str, known: Iterable[str]) -> str:
    """A text about names that are not `what`: the first few of them, each with the known one that is most like it."""
    from difflib import get_close_matches  # only who mistypes pays for it

    names, allowed = list(dict.fromkeys(unknown)), sorted(known)
    found = []
    for name in names[:_MOST_NAMED]:
        like = get_close_matches(name[:80].lower(), allowed, 1)
        found.append(f"{shortened(name)} is not {what}{f' (did you mean {like[0]}?)' if like else ''}")
    more = f", nor are {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{'; '.join(found)}{more}; it takes {', '.join(allowed) or 'none'}"
