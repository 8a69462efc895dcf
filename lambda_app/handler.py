"""The Lambda entry point for HTTP events: `lambda_app.handler.handler`."""

# ruff: noqa: E402 - the order of imports is what this module is about
import gc
from typing import Any

# What imports make stays: looking through it for garbage is a twelfth of their time.
gc.disable()

from lambda_app.api.memory import keep_freed_memory
from lambda_app.errors import NotLiveError
from lambda_app.recommendation.live import LiveRelease
from lambda_app.settings import Settings
from lambda_app.store.opening import open_store
from lambda_app.telemetry.formats import Metrics, configure_logging
from lambda_app.telemetry.observer import Observer

SERVICE = "api"

configure_logging(SERVICE)
keep_freed_memory()
settings = Settings.from_environ()
store = open_store(settings.store)
observer = Observer(Metrics(SERVICE))
live = LiveRelease(store, settings, observer=observer)
# The release is fetched beside the imports that follow, and opened, as soon as ONNX Runtime is there, beside FastAPI's:
# a cold start pays for the longer of the two. Nothing above imports numpy or anything else that is large.
live.begin()

import lambda_app.recommendation.recommender  # noqa: F401 - what the release is opened with comes first

# isort: split
from mangum import Mangum

from lambda_app.api.app import create_app
from lambda_app.api.gateway import NativeHTTPGateway

# What need not be base64: Mangum's own list lacks problem+json.
TEXT_TYPES = ["text/", "application/json", "application/problem+json", "application/javascript", "image/svg+xml"]

app = create_app(settings, store, observer, live)
gc.freeze()
gc.enable()
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
