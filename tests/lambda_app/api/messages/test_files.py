import os
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request

from lambda_app.api.messages.files import WEB, photo_response, static_file


def request_with(headers: dict[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "headers": raw})


@pytest.mark.parametrize("name", ["style.css", "app.js", "favicon.svg", "index.html", "swagger-ui-bundle.js"])
def test_the_page_and_the_documentation_have_their_files(name: str):
    path = static_file(name)
    assert path is not None
    assert path.name == name


def test_every_file_of_the_page_is_served(client: TestClient):
    for path in WEB.iterdir():
        assert client.get(f"/static/{path.name}").content == path.read_bytes()


@pytest.mark.parametrize(
    "name", ["", "%2E%2E", "..%2Fapp.py", "/etc/passwd", "%2Fetc%2Fpasswd", "x" * 5000, "%00", "a/b"]
)
def test_nothing_else_is_served(client: TestClient, name: str):
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/static/style.css", "text/css"),
        ("/static/app.js", "text/javascript"),
        ("/static/favicon.svg", "image/svg+xml"),
        ("/static/swagger-ui-bundle.js", "text/javascript"),
    ],
)
def test_files_have_their_type_and_are_revalidated(client: TestClient, path: str, kind: str):
    answer = client.get(path)
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "no-cache"
    etag = answer.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        assert client.get(path, headers={"If-None-Match": known}).status_code == 304
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_photo_is_typed_by_its_bytes_and_a_change_changes_its_etag(tmp_path: Path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"<html>not a photo</html>")
    first = photo_response(path, request_with({}))
    assert first.headers["content-type"] == "application/octet-stream"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    os.utime(path, (1, 1))
    second = photo_response(path, request_with({"If-None-Match": first.headers["etag"]}))
    assert (second.status_code, second.headers["content-type"]) == (200, "image/png")
