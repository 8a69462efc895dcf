"""The routes about the service itself: health, readiness, live release, web page, API documentation."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lambda_app.api.messages import answers, schemas
from lambda_app.api.messages.calls import CurrentCall, blocking
from lambda_app.api.messages.known import StrictRoute
from lambda_app.api.messages.pages import DOCS, INDEX, PAGE_CACHE, page_response, static_response
from lambda_app.api.routes import openapi
from lambda_app.recommendation.recommender import Recommender

# Who probes a service may add parameters of their own, against caches on the way.
probes = APIRouter(tags=["service"])
router = APIRouter(tags=["service"], route_class=StrictRoute)
pages = APIRouter(include_in_schema=False)


@probes.get(
    "/healthcheck",
    **openapi.named("getHealth", "Whether the process is up"),
    response_model=schemas.Health,
    responses=openapi.errors(429),
)
async def healthcheck() -> JSONResponse:
    """Whether the process is up. Does not need the model."""
    return JSONResponse({"message": "API is up and running!"})


@probes.get(
    "/readyz",
    **openapi.named("getReadiness", "Whether a release is loaded"),
    response_model=schemas.Ready,
    responses=openapi.errors(429, 503),
)
async def readyz(call: CurrentCall) -> JSONResponse:
    """Whether a release is loaded. Starts to load the live release if necessary, and waits for it."""
    # Not in the queue: a service that has much to do is still ready.
    live = await call.run(call.live)
    return JSONResponse({"status": "ready", "release": live.release})


@router.get(
    "/release",
    **openapi.named("getRelease", "The live release"),
    response_model=schemas.ReleaseAnswer,
    responses=openapi.errors(422, 429, 503),
)
@blocking
def release(call: CurrentCall) -> JSONResponse:
    """The live release."""
    return JSONResponse(answers.release_answer(call.live()))


@pages.get("/")
def page(call: CurrentCall, request: Request) -> Response:
    """The web page."""
    settings = call.service.settings
    live = call.service.live.peek()
    without = _lacking(live.recommender) if live else None
    return page_response(INDEX, request, settings.sign_in_origins, is_open=settings.auth == "none", without=without)


def _lacking(recommender: Recommender) -> tuple[str, ...]:
    """The elements of the page for which a release, such as an older one, has nothing."""
    has = {"examples": recommender.manifest.reference is not None, "words": recommender.engine.has_words}
    return tuple(name for name, there in has.items() if not there)


@pages.get("/config.json")
async def config(call: CurrentCall) -> Response:
    """What the web page must know before it may call the other routes: who may call them, and where people sign in."""
    return JSONResponse(answers.config_answer(call.service.settings), headers={"Cache-Control": PAGE_CACHE})


@pages.get("/static/{name:path}")
def static(name: str, request: Request) -> Response:
    """A static file of the web page or of the API documentation."""
    found = static_response(name, request)
    if found is None:
        raise HTTPException(404)
    return found


@pages.get("/docs")
def docs(request: Request) -> Response:
    """Swagger UI for /openapi.json; its files are part of the package."""
    return page_response(DOCS, request)
