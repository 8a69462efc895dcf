"""Events as AWS sends them: recorded in tests/events, with a path, body or key that the test chooses."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.lambda_app.forms import CONTENT_TYPE, form, part

EVENTS = Path(__file__).parent / "events"
BUCKET = "lookalike-test"
Event = dict[str, Any]


def recorded(name: str) -> Event:
    """An event as it was recorded."""
    event: Event = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def get(path: str) -> Event:
    """A GET of a path, without query, as an HTTP API sends it."""
    return {**_to(recorded("http_v2_get"), path), "rawQueryString": "", "queryStringParameters": {}}


def post_json(path: str, body: object) -> Event:
    """A POST of JSON, as an HTTP API sends it: as text, not base64."""
    event = _to(recorded("http_v2_post_photo"), path) | {"rawQueryString": ""}
    event.pop("queryStringParameters", None)
    return _with_body(event, json.dumps(body), "application/json", encoded=False)


def post_photo(name: str, photo: bytes, path: str = "/predict") -> Event:
    """The recorded POST `name`, with this photo in its form."""
    body = base64.b64encode(form(part("file", photo))).decode()
    return _with_body(_to(recorded(name), path), body, CONTENT_TYPE, encoded=True)


def object_created(key: str, bucket: str = BUCKET) -> Event:
    """The event of EventBridge for a new object."""
    event = recorded("s3_object_created")
    event["detail"]["bucket"]["name"] = bucket
    event["detail"]["object"]["key"] = key
    return event


def _to(event: Event, path: str) -> Event:
    if event.get("version") != "2.0":
        return {**event, "path": path}
    event["requestContext"]["http"]["path"] = path
    return {**event, "rawPath": path}


def _with_body(event: Event, body: str, content_type: str, *, encoded: bool) -> Event:
    headers = {name: value for name, value in event["headers"].items() if not name.lower().startswith("content-")}
    changed = {
        **event,
        "headers": {**headers, "content-type": content_type},
        "body": body,
        "isBase64Encoded": encoded,
    }
    # Version 1 has its headers twice, and the second copy is used.
    changed.pop("multiValueHeaders", None)
    return changed
