"""Plain ASGI middleware: request id, release and timing headers; HEAD requests; unhandled errors."""

import logging
import re
import uuid
from collections.abc import Iterator

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lambda_app.api.messages.calls import Call, Service, attached_call
from lambda_app.api.messages.problems import problem, problem_of, problem_response, retry_headers
from lambda_app.api.messages.work_queue import WorkQueue
from lambda_app.errors import BusyError
from lambda_app.telemetry.observer import AnsweredRequest

REQUEST_ID = "X-Request-Id"
RELEASE = "X-Lookalike-Release"
SERVER_TIMING = "Server-Timing"
# Also what a page needs to try again at the right time.
EXPOSED_HEADERS = [REQUEST_ID, RELEASE, SERVER_TIMING, "Retry-After"]
NOTHING_LIVE = "none"
SAFE_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
# The policy of all answers but the pages, which bring their own: a browser that shows them as a page loads nothing.
NO_CONTENT = "default-src 'none'; frame-ancestors 'none'"
_VALID_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

log = logging.getLogger(__name__)


class CallMiddleware:
    """Creates the `Call` of each request and adds its headers to the response. Answers HEAD as GET without a body."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        """Wrap an ASGI application."""
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call(self._service, _request_id(scope), one_at_a_time="aws.context" in scope)
        head = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if head else dict(scope)
        call.attach(inner)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update({**SAFE_HEADERS, **dict(_headers(call))})
                headers.setdefault("Content-Security-Policy", NO_CONTENT)
                if scope.get("scheme") == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app(inner, receive, send_with_headers)
        if status:
            self._service.observer.answered(_answered(call, scope["method"], inner, status))


class QueueMiddleware:
    """Refuses a POST or PUT while the queue is full, before its body is read: many refusals must cost little."""

    def __init__(self, app: ASGIApp, queue: WorkQueue) -> None:
        """Wrap an ASGI application."""
        self._app = app
        self._queue = queue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT") or not self._queue.full:
            await self._app(scope, receive, send)
            return
        busy = self._queue.refusal()
        await problem_response(problem_of(busy), retry_headers(busy, 503))(scope, receive, send)


class UncaughtMiddleware:
    """Answers an unhandled error with a problem. It must be the innermost middleware, to get the others' headers."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an ASGI application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        fields = {"request_id": attached_call(scope).request_id}

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except ClientDisconnect:
            log.info("the client disconnected: %s %s", scope["method"], scope["path"], extra=fields)
        except MemoryError:
            if started:
                raise
            log.exception("out of memory in %s %s", scope["method"], scope["path"], extra=fields)
            busy = BusyError("there is not enough memory for the request now")
            await problem_response(problem(503, str(busy)), retry_headers(busy, 503))(scope, receive, send)
        except Exception:
            if started:
                raise
            log.exception("unhandled error in %s %s", scope["method"], scope["path"], extra=fields)
            detail = f"internal error; the service's log has the details under the {REQUEST_ID} of this response"
            await problem_response(problem(500, detail))(scope, receive, send)


def _answered(call: Call, method: str, scope: Scope, status: int) -> AnsweredRequest:
    return AnsweredRequest(
        request_id=call.request_id,
        release=call.release,
        method=method,
        # The router stores the matched route in the scope. Its template is logged, as a path may hold private data:
        # that for people, `/items/{image_id}` for `/items/{image_id:path}`.
        route=getattr(scope.get("route"), "path_format", "unmatched"),
        status=status,
        category=call.category,
        top_score=call.top_score,
        # Who compares releases is no shopper, and another release has another reference: neither is drift.
        photos=() if call.asked_release else tuple(call.photos),
        parts=call.timings.parts,
        total=call.timings.total(),
        invocation=_invocation(scope),
    )


def _headers(call: Call) -> Iterator[tuple[str, str]]:
    live = call.service.live.peek()
    yield REQUEST_ID, call.request_id
    yield RELEASE, call.release or (live.release if live else NOTHING_LIVE)
    yield SERVER_TIMING, call.timings.server_timing()


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID.lower().encode() and _VALID_ID.fullmatch(given := value.decode("latin-1")):
            return str(given)
    return _invocation(scope) or str(uuid.uuid4())


def _invocation(scope: Scope) -> str | None:
    context = scope.get("aws.context")
    return str(context.aws_request_id) if context is not None else None
