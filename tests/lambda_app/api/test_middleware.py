import asyncio
import logging
import threading
import uuid
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.waiting import until

ORIGIN = {"Origin": "https://shop.example"}


@pytest.fixture
def broken(tmp_path) -> TestClient:
    """An application over an empty store, some of whose routes break."""
    app = create_app(Settings(store=str(tmp_path), ready_wait_seconds=0, cors_origins="*"))

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError("a secret of the inside")

    @app.get("/full")
    async def full() -> None:
        raise MemoryError

    @app.get("/gone")
    async def gone() -> None:
        raise ClientDisconnect

    @app.get("/late")
    async def late() -> Response:
        async def half():
            yield b"half"
            raise ZeroDivisionError("too late for another answer")

        return StreamingResponse(half())

    @app.get("/host")
    async def host(request: Request) -> str:
        return request.headers["host"]

    return TestClient(app)


@pytest.mark.parametrize("given", ["abc-123", "A" * 64, str(uuid.UUID(int=7))])
def test_a_sane_request_id_is_given_back(client: TestClient, given: str):
    assert client.get("/healthcheck", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "A" * 65, "a b", "<script>", "a\tb"])
def test_another_request_id_is_replaced(client: TestClient, given: str):
    answered = client.get("/healthcheck", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert str(uuid.UUID(answered)) == answered


def test_every_answer_carries_the_release_the_timings_and_an_id(client: TestClient, built: BuiltRelease, photo: bytes):
    client.get("/readyz")
    for answer in (
        client.get("/healthcheck"),
        client.get("/"),
        client.get("/nowhere"),
        client.post("/healthcheck"),
        client.post("/predict", files={"file": b"text"}),
        client.post("/predict", files={"file": photo}),
        client.options("/predict", headers={**ORIGIN, "Access-Control-Request-Method": "POST"}),
    ):
        assert answer.headers["x-lookalike-release"] == built.manifest.release
        assert answer.headers["x-request-id"]
        assert "total;dur=" in answer.headers["server-timing"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers


def test_server_timing_names_the_parts(client: TestClient, photo: bytes):
    timing = client.post("/predict", files={"file": photo}).headers["server-timing"]
    assert [part.partition(";")[0] for part in timing.split(", ")] == ["decode", "forward", "search", "total"]


def test_nothing_is_live_on_an_empty_store(broken: TestClient):
    assert broken.get("/healthcheck").headers["x-lookalike-release"] == "none"


def test_head_is_answered_as_get_without_the_body(client: TestClient):
    for path in ("/healthcheck", "/", "/images/003a", "/release"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert client.head("/predict").status_code == 405


def test_an_uncaught_error_is_a_problem_and_is_logged(broken: TestClient, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        answer = broken.get("/bug", headers=ORIGIN)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "a secret of the inside" in caplog.text
    assert vars(caplog.records[-1])["request_id"] == answer.headers["x-request-id"]


def test_running_out_of_memory_is_to_be_tried_again(broken: TestClient):
    answer = broken.get("/full")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_error_after_the_answer_began_is_passed_on(broken: TestClient):
    with pytest.raises(ZeroDivisionError):
        broken.get("/late")


def test_a_client_that_went_away_is_no_error(tmp_path, broken: TestClient, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO), pytest.raises(Exception, match="response"):
        broken.get("/gone")
    assert "the client disconnected: GET /gone" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_browsers_of_any_origin_may_call_and_read_the_headers_if_the_setting_says_so(broken: TestClient):
    client = broken
    answer = client.get("/healthcheck", headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert {"x-request-id", "x-lookalike-release", "server-timing", "retry-after"} <= set(exposed.split(", "))
    preflight = client.options(
        "/predict",
        headers={**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"},
    )
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]


def test_by_default_no_other_origin_may_call(client: TestClient):
    assert "access-control-allow-origin" not in client.get("/healthcheck", headers=ORIGIN).headers
    preflight = client.options("/predict", headers={**ORIGIN, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.parametrize("path", ["/healthcheck", "/", "/docs", "/nowhere", "/images/003a", "/static/app.js"])
def test_over_https_browsers_are_told_to_stay_there(shop: FolderStore, settings: Settings, path: str):
    secure = TestClient(create_app(settings, shop), base_url="https://shop.example")
    assert secure.get(path).headers["strict-transport-security"] == "max-age=31536000"


def test_only_the_pages_may_load_anything(client: TestClient):
    for path in ("/healthcheck", "/nowhere", "/images/003a", "/static/app.js", "/openapi.json"):
        assert client.get(path).headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    for path in ("/", "/docs"):
        policy = client.get(path).headers["content-security-policy"]
        etag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": etag}).headers["content-security-policy"] == policy
        rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [("https://shop.example, https://b.example", True), ("https://b.example", False), ("", False)],
)
def test_origins_are_a_setting(tmp_path, origins: str, allowed: bool):
    client = TestClient(create_app(Settings(store=str(tmp_path), cors_origins=origins), FolderStore(tmp_path)))
    answer = client.get("/healthcheck", headers=ORIGIN)
    assert answer.status_code == 200
    assert answer.headers.get("access-control-allow-origin") == ("https://shop.example" if allowed else None)


def test_websockets_are_not_touched(client: TestClient):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/predict"):
        pass


def test_a_full_queue_refuses_at_once_and_holds_up_neither_health_nor_pages(
    shop: FolderStore, settings: Settings, photo: bytes
):
    app = create_app(replace(settings, parallel_requests=1, queued_requests=1), shop)
    queue, go = app.state.service.queue, threading.Event()
    with TestClient(app) as client:
        client.get("/readyz")
        busy = [threading.Thread(target=lambda: asyncio.run(queue.run(lambda: go.wait(20)))) for _ in range(2)]
        for thread in busy:
            thread.start()
        until(lambda: queue.full, "the queue is full")
        for answer in (
            client.post("/predict", files={"file": photo}),
            client.post("/predict", content=iter([b"x"]), headers={"Content-Type": "image/jpeg"}),
            client.get("/items/003a"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-request-id"]
            assert "2 requests are being answered or wait, which is the limit" in answer.json()["detail"]
        for path in ("/healthcheck", "/readyz", "/", "/docs", "/static/app.js"):
            assert client.get(path).status_code == 200
        go.set()
        for thread in busy:
            thread.join(20)
        assert client.post("/predict", files={"file": photo}).status_code == 200
