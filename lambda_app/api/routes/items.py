"""The routes that start from the catalog: items, what is like them, recommendations, photos."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from lambda_app.api.messages import answers, schemas
from lambda_app.api.messages.calls import CurrentCall, blocking
from lambda_app.api.messages.files import photo_response
from lambda_app.api.messages.reading import SearchQuery, Wish
from lambda_app.api.routes import openapi
from lambda_app.errors import UnknownItemError

# Shorter than a signed address holds.
REDIRECT_CACHE = "private, max-age=60"

router = APIRouter(tags=["items"])


# An image id may hold slashes (`<category>/<photo>`), so it takes the rest of the path; the longer route comes first.
@router.get(
    "/items/{image_id:path}/similar",
    response_model=schemas.SimilarAnswer,
    responses=openapi.errors(404, 422, 429, 503),
)
@blocking
def similar_items(call: CurrentCall, image_id: str, query: SearchQuery) -> JSONResponse:
    """The listings most similar to an item, from its stored embedding."""
    matches = call.live().recommender.similar_to(image_id, query, call.timings)
    return JSONResponse(answers.similar_answer(matches, call.service.store))


@router.get("/items/{image_id:path}", response_model=schemas.Item, responses=openapi.errors(404, 422, 429, 503))
@blocking
def item(call: CurrentCall, image_id: str) -> JSONResponse:
    """An item of the live catalog."""
    return JSONResponse(answers.item_answer(call.live().recommender.item(image_id), call.service.store))


@router.post(
    "/recommend", **openapi.json_route(schemas.SimilarAnswer, schemas.RecommendRequest, 400, 404, 413, 422, 429, 503)
)
@blocking
def recommend(call: CurrentCall, wish: Wish) -> JSONResponse:
    """Listings near the liked ones and away from the disliked."""
    matches = call.live().recommender.recommend(wish.liked, wish.disliked, wish.query(), call.timings)
    return JSONResponse(answers.similar_answer(matches, call.service.store))


@router.get(
    "/images/{image_id:path}",
    response_class=Response,
    responses={
        200: {"description": "The photo", "content": {"image/*": {}}},
        307: {"description": "Where the photo is, for a short time"},
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
