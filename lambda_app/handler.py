"""The Lambda entry point for HTTP events: `lambda_app.handler.handler`."""

# ruff: noqa: E402 - the order of imports is what this module is about
from typing import Any

from lambda_app.errors import NotLiveError
from lambda_app.live import LiveRelease
from lambda_app.memory import keep_freed_memory
from lambda_app.observer import Observer
from lambda_app.settings import Settings
from lambda_app.store import open_store
from lambda_app.telemetry import Metrics, configure_logging

SERVICE = "api"

configure_logging(SERVICE)
keep_freed_memory()
settings = Settings.from_environ()
store = open_store(settings.store)
observer = Observer(Metrics(SERVICE))
live = LiveRelease(store, settings, observer=observer)
# FastAPI takes as long to import as a release to fetch and open: side by side, a cold start pays for one of them.
live.begin()

from mangum import Mangum

from lambda_app.app import create_app
from lambda_app.gateway import NativeHTTPGateway

# What need not be base64: Mangum's own list lacks problem+json.
TEXT_TYPES = ["text/", "application/json", "application/problem+json", "application/javascript", "image/svg+xml"]

app = create_app(settings, store, observer, live)
# Lifespan off: Mangum would run startup and shutdown at every invocation.
_http = Mangum(app, lifespan="off", text_mime_types=TEXT_TYPES, custom_handlers=[NativeHTTPGateway])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway event, v1 or v2; `{"warmup": true}` loads the live release, if there is one."""
    if event.get("warmup") is True:
        return _warm_up()
    return dict(_http(event, context))


def _warm_up() -> dict[str, Any]:
    try:
        return {"release": app.state.service.live.current().release}
    except NotLiveError as exc:
        return {"release": None, "reason": str(exc)}
