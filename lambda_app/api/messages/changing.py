"""Reads requests that change the catalogue: who sends them, and what is to change."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header
from starlette.requests import Request

from lambda_app.api.messages.calls import CurrentCall
from lambda_app.api.messages.form import MEDIA_TYPE, Part, parse_multipart
from lambda_app.api.messages.known import check_form
from lambda_app.api.messages.reading import FIELD, read_body
from lambda_app.catalogue.changes import MOST_CHANGES, Change, Upsert, read_change
from lambda_app.catalogue.dropped import read_changes
from lambda_app.catalogue.log import MOST_UPSERTS
from lambda_app.errors import (
    ChangeError,
    ForbiddenError,
    QueryError,
    RequestError,
)
from lambda_app.recommendation.query import shortened

JSON = "application/json"
ITEM_FIELD = "item"
MOST_KEY = 200
# The routes of API Gateway that only principals of IAM may call (`cdk/serving/api.py`).
ROUTE_KEYS = ("PUT /items/{proxy+}", "DELETE /items/{proxy+}", "POST /items:batch")


@dataclass(frozen=True)
class Sender:
    """Who sends a change.

    Attributes:
        name: for the log of changes: the ARN of a principal of IAM, or "HTTP".
        key: the request's `Idempotency-Key`; None without one.
    """

    name: str
    key: str | None


@dataclass(frozen=True)
class PutItem:
    """What is to be at an image id.

    Attributes:
        sender: who sends it.
        fields: of the item, without its image id; checked later.
        photo: the bytes of its photo; None if the fields have its key.
    """

    sender: Sender
    fields: dict[str, Any]
    photo: bytes | None


@dataclass(frozen=True)
class Batch:
    """Changes, in the order in which they apply, and who sends them."""

    sender: Sender
    changes: list[Change]


async def read_sender(
    request: Request,
    call: CurrentCall,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=MOST_KEY,
            description="The same change, sent again with the same key, is written once.",
        ),
    ] = None,
) -> Sender:
    """Who sends the request. It runs before the body is read.

    Raises:
        ForbiddenError: the sender may not change the catalogue.
    """
    if call.service.settings.catalogue_writes == "open":
        return Sender("HTTP", idempotency_key)
    event = request.scope.get("aws.event") or {}
    caller = ((event.get("requestContext") or {}).get("authorizer") or {}).get("iam") or {}
    # The route is compared too: another one may let other callers in, whatever path they write.
    if event.get("routeKey") not in ROUTE_KEYS or not caller.get("userArn"):
        raise ForbiddenError(
            "only a request that a principal of IAM has signed, which may call this route, changes the catalogue"
        )
    return Sender(str(caller["userArn"]), idempotency_key)


CurrentSender = Annotated[Sender, Depends(read_sender)]


async def read_item(request: Request, call: CurrentCall, sender: CurrentSender) -> PutItem:
    """The item of a PUT: JSON with the key of its photo, or a form with fields `item`, the JSON, and `file`, the photo.

    Raises:
        RequestError: neither of both.
        RequestTooLargeError: over the limit of bytes.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (JSON, MEDIA_TYPE):
        raise RequestError(f"the Content-Type is {shortened(kind)}; an item is sent as {JSON} or {MEDIA_TYPE}")
    body = await _body(request, call)
    if kind == JSON:
        return PutItem(sender, _object(body, "the body"), None)
    parts = parse_multipart(body, content_type)
    check_form(parts, ITEM_FIELD, FIELD)
    fields = _object(_only(parts, ITEM_FIELD), f"the field {ITEM_FIELD!r}")
    if "photo" in fields:
        raise QueryError(f"photo is {shortened(str(fields['photo']))}; a form has its photo as field {FIELD!r} instead")
    return PutItem(sender, fields, _only(parts, FIELD))


async def read_batch(request: Request, call: CurrentCall, sender: CurrentSender) -> Batch:
    """The changes of a batch: JSON with a list `changes`, each as in the log.

    Raises:
        RequestError: not JSON.
        RequestTooLargeError: over the limit of bytes.
        QueryError: too many changes or new photos, or an entry is no change; the message names the first ten.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise RequestError(f"the Content-Type is {shortened(kind)}; a batch is sent as {JSON}")
    found = _object(await _body(request, call), "the body")
    given = found.get("changes")
    if not isinstance(given, list) or not given or len(found) > 1:
        raise QueryError(
            f"the body has {', '.join(map(shortened, list(found)[:5])) or 'no field'}; it takes changes alone, a list"
        )
    if len(given) > MOST_CHANGES:
        raise QueryError(f"the batch has {len(given):,} changes; the limit is {MOST_CHANGES:,}")
    try:
        changes = read_changes((f"changes.{place}", _line(one)) for place, one in enumerate(given))
    except ChangeError as exc:
        raise QueryError(str(exc)) from exc
    if (upserts := sum(isinstance(change, Upsert) for change in changes)) > MOST_UPSERTS:
        raise QueryError(f"the batch has {upserts:,} upserts; the limit is {MOST_UPSERTS:,}")
    return Batch(sender, changes)


def change_of(**fields: Any) -> Change:
    """A change, checked as in the log.

    Raises:
        QueryError: a field has a value that it does not take.
    """
    try:
        return read_change(_line(fields))
    except ChangeError as exc:
        raise QueryError(str(exc)) from exc


def _line(value: object) -> bytes:
    return json.dumps(value).encode()


async def _body(request: Request, call: CurrentCall) -> bytes:
    settings = call.service.settings
    return await read_body(request, settings.max_body_bytes, settings.body_seconds, hint="")


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise RequestError(f"{what} is not JSON: {str(exc)[:80]}") from exc
    if not isinstance(found, dict):
        raise QueryError(f"{what} is {shortened(json.dumps(found))}; it takes an object")
    return found


def _only(parts: list[Part], name: str) -> bytes:
    found = [part.data for part in parts if part.name == name]
    if len(found) != 1:
        raise RequestError(f"the form has {len(found)} fields {name!r}; it takes one")
    return found[0]


ItemBody = Annotated[PutItem, Depends(read_item)]
BatchBody = Annotated[Batch, Depends(read_batch)]
