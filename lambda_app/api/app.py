"""The HTTP application of one store: routes, error handlers and middleware."""

from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from lambda_app.api.messages.applying import Applier
from lambda_app.api.messages.calls import Service
from lambda_app.api.messages.problems import handle_errors
from lambda_app.api.messages.work_queue import WorkQueue
from lambda_app.api.middleware import EXPOSED_HEADERS, CallMiddleware, QueueMiddleware, UncaughtMiddleware
from lambda_app.api.origin import OriginMiddleware
from lambda_app.api.routes import browsing, items, predictions, status, uploads
from lambda_app.photo.memory import DecodingMemory, available_bytes
from lambda_app.recommendation.live import LiveRelease
from lambda_app.recommendation.other import OtherRelease
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from lambda_app.store.opening import open_store
from lambda_app.telemetry.observer import Observer
from lambda_app.version import VERSION

# Uploads that are read from the store at once. Each needs a thread and the memory of an upload.
PARALLEL_FETCHES = 8
DESCRIPTION = (
    "Send a photo: get its product category, its embedding and the most similar listings. "
    "Errors are `application/problem+json`. A parameter or field that a route does not have is refused. "
    "Every response has the headers `X-Request-Id`, `X-Lookalike-Release` and "
    "`Server-Timing`."
)


class Application(FastAPI):
    """A FastAPI application whose description has the limits of its settings."""

    def openapi(self) -> dict[str, Any]:
        """The document of /openapi.json."""
        if self.openapi_schema is None:
            from lambda_app.api.description.document import describe  # other requests need none of its imports

            # A copy: parts of the document are the routes' own, which other applications share.
            document = deepcopy(super().openapi())
            describe(document, self.state.service.settings)
            self.openapi_schema = document
        return self.openapi_schema


def _applier(store: Store, settings: Settings) -> Applier | None:
    if settings.catalogue_writes == "none" or not isinstance(store, FolderStore):
        return None
    from lambda_app.promotion.ingest import apply_changes
    from lambda_app.promotion.upkeep.compaction import compact_if_due

    def apply() -> None:
        apply_changes(store, settings)
        compact_if_due(store, settings)

    return Applier(apply)


def create_app(
    settings: Settings,
    store: Store | None = None,
    observer: Observer | None = None,
    live: LiveRelease | None = None,
) -> FastAPI:
    """Create the application. It reads and loads nothing until a request needs it.

    Args:
        settings: the service's settings.
        store: the store of the releases. Default: the one at `settings.store`.
        observer: records every request and every load. Default: one that writes log lines only.
        live: holder of the live release, with the same store and observer. Default: a new one.

    Raises:
        SettingsError: `settings.store` is not the address of a store.
    """
    store = store or open_store(settings.store, settings.photos_url)
    observer = observer or Observer()
    live = live or LiveRelease(store, settings, observer=observer)
    decoding = DecodingMemory(settings.decoding_bytes or available_bytes() // 2)
    service = Service(
        settings,
        store,
        live,
        observer,
        decoding,
        queue=WorkQueue(settings.parallel_requests, settings.queued_requests),
        fetching=WorkQueue(PARALLEL_FETCHES, settings.queued_requests),
        other=OtherRelease(store, settings),
        applier=_applier(store, settings),
    )
    app = Application(
        title="Lookalike",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    routers = [predictions.router, uploads.router, browsing.router, items.router]
    routers += [status.probes, status.router, status.pages]
    if settings.catalogue_writes != "none":
        from lambda_app.api.routes import changes  # only a service that takes changes pays for its imports

        routers.append(changes.router)
    for router in routers:
        app.include_router(router)
    app.state.routes = [route for router in routers for route in router.routes]
    handle_errors(app)
    # The middleware added last is the outermost.
    app.add_middleware(UncaughtMiddleware)
    app.add_middleware(QueueMiddleware, queue=service.queue)
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
        max_age=3600,
    )
    if settings.origin_secrets:
        app.add_middleware(OriginMiddleware, secrets=settings.origin_secrets)
    app.add_middleware(CallMiddleware, service=service)
    return app
