"""Reads requests: photos and JSON up to the byte limit, and search parameters."""

import asyncio
import re
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from lambda_app.api.messages.calls import Call, CurrentCall
from lambda_app.api.messages.form import MEDIA_TYPE, Part, parse_multipart
from lambda_app.api.messages.known import check_form, unknown_fields, unknown_names
from lambda_app.api.messages.parameters import RankParameters, RecommendRequest, SimilarParameters, WordParameters
from lambda_app.api.messages.problems import validation_detail
from lambda_app.api.messages.schemas import UploadedPhoto, UploadedPhotos, UploadRequest
from lambda_app.errors import (
    EncodedBodyError,
    PhotoTooLargeError,
    QueryError,
    RequestError,
    RequestTimeoutError,
    RequestTooLargeError,
)
from lambda_app.recommendation.query import MAX_PHOTOS, SimilarQuery, shortened
from lambda_app.store.contract import Store

FIELD = "file"
_LARGER = ". Make the photo smaller"
_OR_UPLOAD = ", or send it by POST /uploads"
BATCH_FIELD = "files"
_MOST_NAMED = 5  # fields that a message lists
AnyModel = TypeVar("AnyModel", bound=BaseModel)


async def read_body(request: Request, limit: int, seconds: float, hint: str = _LARGER) -> bytes:
    """The whole body, in memory.

    Args:
        limit: bytes that it may have.
        seconds: time that it may take to arrive.
        hint: what the message about a larger body ends with.

    Raises:
        EncodedBodyError: it is compressed.
        RequestTooLargeError: more than `limit` bytes, as declared in Content-Length or as received.
        RequestTimeoutError: it takes more than `seconds`.
        RequestError: the declared length is no number, or the client disconnected.
    """
    encoding = request.headers.get("content-encoding", "")
    if encoding.strip().lower() not in ("", "identity"):
        raise EncodedBodyError(
            f"the body has the Content-Encoding {shortened(encoding)}, which is not taken; send the bytes as they are"
        )
    declared = _declared_length(request)
    if declared is not None and declared > limit:
        raise RequestTooLargeError(f"the body has {declared:,} bytes; the limit is {limit:,}{hint}")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise RequestTooLargeError(f"the body has more than {limit:,} bytes, which is the limit{hint}")
    except TimeoutError as exc:
        raise RequestTimeoutError(
            f"after {seconds:g} s, which is the limit, {size:,} bytes of the body had come"
        ) from exc
    except ClientDisconnect as exc:
        raise RequestError("the client disconnected before the end of the body") from exc
    # A single copy of the body, and no copy if it came in one chunk, as in Lambda.
    return b"".join(chunks)


async def read_photo(request: Request, call: CurrentCall) -> bytes:
    """The photo of a predict request: field `file` of a form, the body itself, or an upload with the key in the JSON.

    Raises:
        RequestError: no photo, more than one, or a form that does not parse.
        LookalikeError: as `read_same`.
    """
    return (await _read_photos(request, call, 1))[0]


async def read_same(request: Request, call: CurrentCall) -> list[bytes]:
    """One to `MAX_PHOTOS` photos of the same thing: as `read_photo`, and several fields `file` or keys of uploads.

    Raises:
        RequestError: no photo, or a form that does not parse.
        RequestTooLargeError: the body is over its byte limit, or has too many photos.
        QueryError: the JSON does not hold keys of uploads.
        PhotoTooLargeError: the uploads together are over the byte limit of one.
        MissingObjectError: no such upload.
        NotSupportedError: the store does not support uploads.
        BusyError: too many requests wait for their uploads.
    """
    return await _read_photos(request, call, MAX_PHOTOS)


async def _read_photos(request: Request, call: Call, most: int) -> list[bytes]:
    service = call.service
    content_type = request.headers.get("content-type", "")
    body = await _read(request, call)
    kind = content_type.partition(";")[0].strip().lower()
    if kind == MEDIA_TYPE:
        return _photos_of(parse_multipart(body, content_type), most)
    if kind == "application/json":
        keys = parse_json(body, UploadedPhotos).keys if most > 1 else [parse_json(body, UploadedPhoto).upload]
        return await call.fetch(partial(_read_uploads, service.store, keys, service.settings.max_upload_bytes))
    if body and (kind.startswith("image/") or kind == "application/octet-stream"):
        return [body]
    raise RequestError(
        f"the request holds no photo: {_what_came(body, kind)}. Send {MEDIA_TYPE} with the photo as field {FIELD!r}, "
        "or the photo itself as the body with a Content-Type of image/* or application/octet-stream"
    )


async def read_photos(request: Request, call: CurrentCall) -> list[Part]:
    """The photos of a batch: all fields `files` of a form.

    Raises:
        RequestError: no photo, or a form that does not parse.
        RequestTooLargeError: over the limit of bytes or of files in a batch.
    """
    settings = call.service.settings
    content_type = request.headers.get("content-type", "")
    body = await _read(request, call)
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        kind = content_type.partition(";")[0].strip().lower()
        raise RequestError(
            f"the request holds no photos: {_what_came(body, kind)}. Send {MEDIA_TYPE} with each photo as field "
            f"{BATCH_FIELD!r}"
        )
    parts = parse_multipart(body, content_type)
    photos = [part for part in parts if part.name == BATCH_FIELD]
    if not photos:
        raise RequestError(f"each photo of a batch is a field {BATCH_FIELD!r}, and the form has {_fields(parts)}")
    if len(photos) > settings.max_batch:
        raise RequestTooLargeError(f"the batch has {len(photos)} files; the limit is {settings.max_batch}")
    check_form(parts, BATCH_FIELD)
    return photos


def parse_json(body: bytes, model: type[AnyModel]) -> AnyModel:
    """Parse a JSON body.

    Raises:
        RequestError: not JSON.
        QueryError: the JSON does not match `model`; the message names the field.
    """
    if unknown := unknown_fields(body, model):
        raise QueryError(unknown_names(unknown, "a field of the body", model.model_fields))
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        errors = exc.errors()
        if errors[0]["type"] == "json_invalid":
            raise RequestError(f"the body is not JSON: {errors[0]['msg']}") from exc
        raise QueryError(validation_detail(errors)) from exc


async def read_recommend_body(request: Request, call: CurrentCall) -> RecommendRequest:
    """The JSON body of /recommend.

    Raises:
        RequestError, RequestTooLargeError, QueryError.
    """
    return parse_json(await _read(request, call), RecommendRequest)


async def read_upload_body(request: Request, call: CurrentCall) -> UploadRequest:
    """The JSON body of /uploads.

    Raises:
        RequestError, RequestTooLargeError, QueryError.
    """
    return parse_json(await _read(request, call), UploadRequest)


async def read_query(parameters: Annotated[SimilarParameters, Query()], call: CurrentCall) -> SimilarQuery:
    """The parameters of a search by an item, from the query string."""
    return parameters.query(call.service.settings.max_k)


async def read_word_query(parameters: Annotated[WordParameters, Query()], call: CurrentCall) -> SimilarQuery:
    """The parameters of a search by words alone, from the query string."""
    return parameters.query(call.service.settings.max_k)


async def read_rank_query(parameters: Annotated[RankParameters, Query()], call: CurrentCall) -> SimilarQuery:
    """The parameters of a search with photos, from the query string."""
    return parameters.query(call.service.settings.max_k)


async def _read(request: Request, call: Call) -> bytes:
    settings, uploads = call.service.settings, call.service.store.takes_uploads
    hint = _LARGER + _OR_UPLOAD * uploads
    return await read_body(request, settings.max_body_bytes, settings.body_seconds, hint)


def _declared_length(request: Request) -> int | None:
    text = request.headers.get("content-length")
    if text is None:
        return None
    # Digits of ASCII only: str.isdigit also accepts a superscript two, of which int() makes no number.
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise RequestError(f"the Content-Length is {shortened(text)}; it takes a number of bytes")
    return int(text)


def _what_came(body: bytes, kind: str) -> str:
    if not body:
        return "its body is empty"
    return f"its Content-Type is {shortened(kind)}" if kind else "it has no Content-Type"


def _fields(parts: list[Part]) -> str:
    names = list(dict.fromkeys(shortened(part.name) for part in parts))
    return f"only {', '.join(names[:_MOST_NAMED])}" if names else "no fields"


def _photos_of(parts: list[Part], most: int) -> list[bytes]:
    photos = [part.data for part in parts if part.name == FIELD]
    found = f"the form has {len(photos)} fields {FIELD!r}; it takes "
    if not photos or most == 1 < len(photos):
        raise RequestError(f"{found}{'1, the photo' if most == 1 else f'1 to {most}'}. It has {_fields(parts)}")
    if len(photos) > most:
        raise RequestTooLargeError(f"{found}1 to {most}, photos of the same thing")
    check_form(parts, FIELD)
    return photos


def _read_uploads(store: Store, keys: list[str], limit: int) -> list[bytes]:
    """The uploads, which together have at most `limit` bytes, so that several take no more memory than one."""
    photos: list[bytes] = []
    for key in keys:
        left = limit - sum(map(len, photos))
        try:
            photos.append(store.read_upload(key, left))
        except PhotoTooLargeError as exc:
            if not photos:
                raise
            raise PhotoTooLargeError(
                f"{key} has more than {left:,} bytes, which the uploads before it leave; the limit of uploads in one "
                f"request is {limit:,}"
            ) from exc
    return photos


Photo = Annotated[bytes, Depends(read_photo)]
SameThing = Annotated[list[bytes], Depends(read_same)]
Photos = Annotated[list[Part], Depends(read_photos)]
SearchQuery = Annotated[SimilarQuery, Depends(read_query)]
WordQuery = Annotated[SimilarQuery, Depends(read_word_query)]
RankQuery = Annotated[SimilarQuery, Depends(read_rank_query)]
RecommendBody = Annotated[RecommendRequest, Depends(read_recommend_body)]
UploadBody = Annotated[UploadRequest, Depends(read_upload_body)]
