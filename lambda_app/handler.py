"""The Lambda entry point for HTTP events: `lambda_app.handler.handler`."""

from typing import Any

from mangum import Mangum

from lambda_app.app import create_app
from lambda_app.errors import NotLiveError
from lambda_app.observer import Observer
from lambda_app.settings import Settings
from lambda_app.telemetry import Metrics, configure_logging

# What need not be base64: Mangum's own list lacks problem+json.
TEXT_TYPES = ["text/", "application/json", "application/problem+json", "application/javascript", "image/svg+xml"]

SERVICE = "api"

configure_logging(SERVICE)
app = create_app(Settings.from_environ(), observer=Observer(Metrics(SERVICE)))
# Lifespan off: Mangum would run startup and shutdown at every invocation.
_http = Mangum(app, lifespan="off", text_mime_types=TEXT_TYPES)


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
