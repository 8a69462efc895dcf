"""The Lambda entry point for HTTP events: `lambda_app.handler.handler`."""

# ruff: noqa: E402 - the order of imports matters for the cold start
import gc
import logging
from typing import Any

# Objects created by imports are never freed. Searching them for garbage takes a twelfth of the import time.
gc.disable()

from lambda_app.api.memory import keep_freed_memory
from lambda_app.errors import NotLiveError
from lambda_app.recommendation.live import LiveRelease
from lambda_app.settings import Settings, provisioned
from lambda_app.store.opening import open_store
from lambda_app.telemetry.formats import Metrics, configure_logging
from lambda_app.telemetry.observer import Observer
from lambda_app.telemetry.vector_calls import calls

SERVICE = "api"

configure_logging(SERVICE)
keep_freed_memory()
settings = Settings.from_environ()
store = open_store(settings.store, settings.photos_url)
metrics = Metrics(SERVICE, stack=settings.stack)
observer = Observer(metrics)
calls.write_to(metrics)
live = LiveRelease(store, settings, observer=observer)
# Start to download the release in the background, in parallel with the imports below. As soon as ONNX Runtime is
# imported, the release is opened in parallel with the import of FastAPI. So a cold start takes as long as the slower of
# the two, not as both together. For this, nothing above may import numpy or another large package.
live.begin()

import lambda_app.recommendation.recommender

if not settings.vector_bucket:  # else the release says what searches it, and only that is imported
    import lambda_app.search.local.opening  # noqa: F401 - these two first, because opening the release needs them

# isort: split
from mangum import Mangum

from lambda_app.api.app import create_app
from lambda_app.api.gateway import NativeHTTPGateway

# Media types whose bodies are sent as text instead of base64. Mangum's default list lacks problem+json.
TEXT_TYPES = ["text/", "application/json", "application/problem+json", "application/javascript", "image/svg+xml"]
# Lambda gives the start of a provisioned instance 130 s.
_PROVISIONED_SECONDS = 100.0
log = logging.getLogger(__name__)


def _warm_up(patience: float | None = None) -> dict[str, Any]:
    try:
        return {"release": live.current(patience=patience).release}
    except NotLiveError as exc:
        return {"release": None, "reason": str(exc)}


app = create_app(settings, store, observer, live)
if provisioned():
    # Such an instance counts as ready when this import ends, and nobody waits for it. So load the release first.
    log.info("provisioned instance: %s", _warm_up(_PROVISIONED_SECONDS))
gc.freeze()
gc.enable()
# With lifespan on, Mangum would run startup and shutdown at every invocation.
_http = Mangum(app, lifespan="off", text_mime_types=TEXT_TYPES, custom_handlers=[NativeHTTPGateway])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway event (payload format 1.0 or 2.0). The event `{"warmup": true}` loads the live release."""
    if event.get("warmup") is True:
        return _warm_up()
    return dict(_http(event, context))
