"""Tries a new version of the API function before it gets requests. CodeDeploy calls it (BeforeAllowTraffic).

It calls the new version with the events that API Gateway sends: the health check, the readiness check, and a drawn
photo. The deployment fails if the new version cannot do what the live version can. So a store without a release, or S3
not available, does not stop a deployment: then the live version cannot answer either. This function runs in Lambda's
own Python runtime, which has boto3, and not in the project's image: it must work when the new image does not.
"""

import base64
import json
import os
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SIDE = 64
BOUNDARY = "lookalike"
# The API function has 29 s for an answer. A second try hides the cause of a failure.
_LAMBDA = Config(connect_timeout=5, read_timeout=45, retries={"total_max_attempts": 1})
# A large release loads for longer than /readyz waits (20 s). The live version has it loaded already.
TRIES, PAUSE = 7, 5.0
# What may pass by itself: a release is loading, all instances are busy, Lambda still prepares the version.
_PASSING = (": 503:", "TooManyRequestsException", "ResourceConflictException", "CodeArtifactUserPendingException")


class VersionFailedError(Exception):
    """The new version must not get requests; the message says why."""


def handler(event: dict[str, str], context: object) -> None:
    """Handle one deployment's hook: `DeploymentId` and `LifecycleEventHookExecutionId`.

    The environment names the qualified functions, `NEW_VERSION` and `LIVE_VERSION`. `HEADERS` holds, as JSON, the
    headers without which the API does not answer.
    """
    del context
    headers = json.loads(os.environ["HEADERS"])
    client = boto3.client("lambda", config=_LAMBDA)
    try:
        print(check(client, os.environ["NEW_VERSION"], os.environ["LIVE_VERSION"], headers))
        status = "Succeeded"
    except VersionFailedError as exc:
        print(f"the new version is refused: {exc}")
        status = "Failed"
    except Exception as exc:  # without an answer, CodeDeploy would wait for an hour
        print(f"the new version is refused, because it could not be checked: {exc!r}")
        status = "Failed"
    boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=status,
    )


def check(
    client: Any, new: str, live: str, headers: dict[str, str], pause: Callable[[float], None] = time.sleep
) -> str:
    """Call the new version, and the live one to compare where the new one fails.

    Args:
        client: boto3's Lambda client.
        new, live: ARNs of the functions, with version or alias.
        headers: sent with each request.
        pause: waits this many seconds before another try.

    Returns:
        What was seen, in words.

    Raises:
        VersionFailedError: the new version does not answer as it should, and the live one does.
    """
    for method, path in (("GET", "/healthcheck"), ("GET", "/readyz"), ("POST", "/predict")):
        problem = _problem(client, new, method, path, headers)
        compared = problem is not None and path != "/healthcheck"
        if compared and (known := _problem(client, live, method, path, headers)):
            return f"not the new version's fault, because the live one fails too: {problem} (live: {known})"
        for _ in range(TRIES - 1):
            if problem is None or not any(sign in problem for sign in _PASSING):
                break
            pause(PAUSE)
            problem = _problem(client, new, method, path, headers)
        if problem is not None:
            raise VersionFailedError(f"{problem}{'; the live version answers 200' if compared else ''}")
    return "the new version is healthy, ready and answers a photo"


def _problem(client: Any, function: str, method: str, path: str, headers: dict[str, str]) -> str | None:
    """What is wrong with the answer to one request; None if nothing is."""
    request = f"{method} {path}"
    payload = json.dumps(_event(method, path, headers)).encode()
    try:
        answer = client.invoke(FunctionName=function, Payload=payload)
    except (BotoCoreError, ClientError) as exc:
        return f"{request}: {exc}"
    body = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer or not isinstance(body, dict):
        return f"{request}: the function failed: {body}"
    if body.get("statusCode") != 200:
        return f"{request}: {body.get('statusCode')}: {str(body.get('body'))[:500]}"
    if method == "POST" and not {"category", "embedding", "results"} <= set(json.loads(body["body"])):
        return f"{request}: the answer lacks the category, the embedding or the results: {body['body'][:500]}"
    return None


def _event(method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """An event of API Gateway's payload format 2.0."""
    form = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="drawn.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode()
    body = form + _photo() + f"\r\n--{BOUNDARY}--\r\n".encode() if method == "POST" else b""
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "content-length": str(len(body))}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "version-check", **headers, **(kind if body else {})},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "version-check",
            "domainName": "version-check",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "check",
            },
            "requestId": "version-check",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def _photo() -> bytes:
    """A PNG of a colour gradient, RGB."""
    scale = 256 // SIDE
    rows = b"".join(
        b"\0" + bytes(value for column in range(SIDE) for value in (row * scale, column * scale, 128))
        for row in range(SIDE)
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
