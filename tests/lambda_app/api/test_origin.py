import logging

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.settings import Settings

OLD, NEW = "old" * 12, "new" * 12


@pytest.fixture
def guarded(tmp_path) -> TestClient:
    """An application behind a front door whose secret is being replaced."""
    settings = Settings(
        store=str(tmp_path), ready_wait_seconds=0, origin_secret=f"{OLD},{NEW}", cors_origins="https://shop.example"
    )
    return TestClient(create_app(settings))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Lookalike-Origin": ""},
        {"X-Lookalike-Origin": OLD[:-1]},
        {"X-Lookalike-Origin": f"{OLD},{NEW}"},
        {"X-Lookalike-Origin": OLD.upper()},
        [("X-Lookalike-Origin", OLD), ("X-Lookalike-Origin", NEW)],
    ],
)
@pytest.mark.parametrize("path", ["/healthcheck", "/", "/readyz", "/static/app.js", "/nowhere"])
def test_a_request_without_a_valid_secret_is_refused_on_every_route(guarded: TestClient, headers, path: str):
    answer = guarded.get(path, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Forbidden"
    assert OLD not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_each_valid_secret_opens_every_route(guarded: TestClient, secret: str):
    headers = {"X-Lookalike-Origin": secret}
    assert guarded.get("/healthcheck", headers=headers).status_code == 200
    assert guarded.get("/readyz", headers=headers).status_code == 503  # nothing is live
    assert guarded.get("/", headers=headers).status_code == 200


def test_a_preflight_needs_the_secret_too(guarded: TestClient):
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    assert guarded.options("/predict", headers=asked).status_code == 403
    allowed = guarded.options("/predict", headers={**asked, "X-Lookalike-Origin": NEW})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://shop.example")


def test_a_refused_body_is_not_read(guarded: TestClient):
    def body():
        raise AssertionError("the body was read")
        yield b""

    # The client of the tests reads a body only when the application asks for it.
    assert guarded.post("/predict", content=body()).status_code == 403


def test_without_a_secret_in_the_settings_no_header_is_needed(tmp_path):
    client = TestClient(create_app(Settings(store=str(tmp_path), ready_wait_seconds=0)))
    assert client.get("/healthcheck").status_code == 200


def test_the_secret_is_not_logged(guarded: TestClient, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        guarded.get("/healthcheck", headers={"X-Lookalike-Origin": OLD})
        guarded.get("/healthcheck", headers={"X-Lookalike-Origin": "wrong"})
    assert OLD not in caplog.text
    assert NEW not in caplog.text
