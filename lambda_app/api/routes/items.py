"""The routes for catalog items: search by words, items, similar items, recommendations, photos."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from lambda_app.api.messages import answers, schemas
from lambda_app.api.messages.calls import CurrentCall, asked_release, blocking
from lambda_app.api.messages.files import photo_response
from lambda_app.api.messages.known import StrictRoute
from lambda_app.api.messages.reading import RecommendBody, SearchQuery, WordQuery
from lambda_app.api.routes import openapi
from lambda_app.errors import UnknownItemError

# Shorter than the lifetime of a presigned URL.
REDIRECT_CACHE = "private, max-age=60"

router = APIRouter(route_class=StrictRoute, tags=["items"], dependencies=[Depends(asked_release)])


@router.get(
    "/search",
    **openapi.named("searchItems", "Listings with these words"),
    response_model=schemas.SearchAnswer,
    responses=openapi.errors(404, 422, 429, 501, 503),
)
@blocking
def search(call: CurrentCall, query: WordQuery) -> JSONResponse:
    """The listings whose title, category or description has the words; if none has all, those that have the most."""
    recommender = call.live().recommender
    matches = recommender.search(query, call.timings)
    return JSONResponse(answers.similar_answer(matches, call.service.store, recommender.manifest.currency))


# An image id may contain slashes (`<category>/<photo>`), so it matches the rest of the path. The route with `/similar`
# must be registered before the one without.
@router.get(
    "/items/{image_id:path}/similar",
    **openapi.named("similarItems", "Listings like a listing"),
    response_model=schemas.SimilarAnswer,
    responses=openapi.errors(404, 422, 429, 501, 503),
)
@blocking
def similar_items(call: CurrentCall, image_id: str, query: SearchQuery) -> JSONResponse:
    """The listings most similar to an item, by its stored embedding; with `q`, blended with those of the words."""
    recommender = call.live().recommender
    matches = recommender.similar_to(image_id, query, call.timings)
    return JSONResponse(answers.similar_answer(matches, call.service.store, recommender.manifest.currency))


@router.get(
    "/items/{image_id:path}",
    **openapi.named("getItem", "A listing"),
    response_model=schemas.Item,
    responses=openapi.errors(404, 422, 429, 503),
)
@blocking
def item(call: CurrentCall, image_id: str) -> JSONResponse:
    """One item of the live release's catalog."""
    recommender = call.live().recommender
    found = recommender.item(image_id)
    return JSONResponse(answers.item_answer(found, call.service.store, recommender.manifest.currency))


@router.post(
    "/recommend",
    **openapi.named("recommend", "Listings like those liked, unlike those disliked"),
    **openapi.body_route(schemas.SimilarAnswer, "Recommend", 400, 404, 408, 413, 422, 429, 503),
)
@blocking
def recommend(call: CurrentCall, body: RecommendBody) -> JSONResponse:
    """Listings similar to the liked items and dissimilar to the disliked items."""
    recommender = call.live().recommender
    query = body.query(call.service.settings.max_k)
    matches = recommender.recommend(body.liked, body.disliked, query, call.timings)
    return JSONResponse(answers.similar_answer(matches, call.service.store, recommender.manifest.currency))


@router.get(
    "/images/{image_id:path}",
    **openapi.named("getPhoto", "The photo of a listing"),
    response_class=Response,
    responses={
        200: {"description": "The photo", "content": {"image/*": {}}},
        307: {"description": "Redirect to the photo, by a URL that expires"},
        **openapi.errors(404, 422, 429, 503),
    },
)
@blocking
def image(call: CurrentCall, image_id: str, request: Request) -> Response:
    """The photo of an item."""
    key = call.live().recommender.item(image_id).photo
    if url := call.service.store.photo_url(key):
        return RedirectResponse(url, headers={"Cache-Control": REDIRECT_CACHE})
    path = call.service.store.photo_path(key)
    if path is None:
        raise UnknownItemError(f"the photo of {image_id!r} is not in the store: {key} is missing")
    return photo_response(path, request)
