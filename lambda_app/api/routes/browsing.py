"""The routes for looking around without a query: the catalogue page by page, example photos, the evaluation report."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from lambda_app.api.messages import answers, schemas
from lambda_app.api.messages.calls import CurrentCall, asked_release, blocking
from lambda_app.api.messages.known import StrictRoute
from lambda_app.api.messages.pages import report_response
from lambda_app.api.messages.parameters import BrowseParameters
from lambda_app.api.routes import openapi
from lambda_app.errors import PhotoTooLargeError
from lambda_app.photo.kinds import media_type
from lambda_app.recommendation import browsing
from lambda_app.store.reports import read_report

router = APIRouter(route_class=StrictRoute, dependencies=[Depends(asked_release)])


@router.get(
    "/items",
    tags=["items"],
    operation_id="browseItems",
    summary="Browse the catalogue",
    response_model=schemas.BrowseAnswer,
    responses=openapi.errors(404, 422, 429, 503),
)
@blocking
def browse(call: CurrentCall, asked: Annotated[BrowseParameters, Query()]) -> JSONResponse:
    """The items of the live release in the order of its catalogue, page by page: ask again with `after` = `next`."""
    recommender = call.live().recommender
    page = browsing.browse(recommender, asked.query(call.service.settings.max_k), asked.after, call.timings)
    found = answers.similar_answer(page.matches, call.service.store, recommender.manifest.currency)
    return JSONResponse({**found, "next": page.next})


@router.get(
    "/examples",
    tags=["items"],
    operation_id="listExamples",
    summary="Photos to try",
    response_model=schemas.ExamplesAnswer,
    responses=openapi.errors(404, 422, 429, 503),
)
@blocking
def examples(call: CurrentCall) -> JSONResponse:
    """Up to 8 photos that the model was not trained on, to try a search with; none in older releases."""
    recommender = call.live().recommender
    found = [
        answers.item_answer(item, call.service.store, recommender.manifest.currency)
        for item in browsing.examples(recommender)
    ]
    return JSONResponse({"examples": found})


@router.get(
    "/examples/{number}",
    tags=["items"],
    operation_id="getExample",
    summary="The photo of an example",
    response_class=Response,
    responses={
        200: {"description": "The photo", "content": {"image/*": {}}},
        **openapi.errors(404, 413, 422, 429, 503),
    },
)
@blocking
def example(call: CurrentCall, number: int) -> Response:
    """The photo of an example, by its place in GET /examples from 0: from this origin, so that a page may send it."""
    found = browsing.examples(call.live().recommender)
    if not 0 <= number < len(found):
        raise HTTPException(404, f"there is no example {number}; {_numbered(len(found))}")
    photo, most = call.service.store.read(found[number].photo), call.service.settings.max_body_bytes
    if len(photo) > most:
        raise PhotoTooLargeError(f"the photo has {len(photo):,} bytes; the limit of a body is {most:,}")
    return Response(photo, media_type=media_type(photo) or "application/octet-stream")


@router.get(
    "/release/report",
    tags=["service"],
    operation_id="getReleaseReport",
    summary="The evaluation report",
    response_class=Response,
    responses={200: {"description": "The report", "content": {"text/html": {}}}, **openapi.errors(404, 422, 429, 503)},
)
@blocking
def report(call: CurrentCall) -> Response:
    """The evaluation report of the live release, a page; or of the one that it came from by changes."""
    live = call.live()
    page = read_report(call.service.store, live.recommender.manifest)
    if page is None:
        raise HTTPException(
            404,
            f"release {live.release} has no evaluation report: the store holds none beside it, nor beside a release "
            "that it came from by changes. scripts/train writes one",
        )
    return report_response(page)


def _numbered(count: int) -> str:
    if not count:
        return "this release has none, because its training kept no reference photos"
    return f"this release has {count}, numbered 0 to {count - 1}"
