import os
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request

from lambda_app.api.messages.files import photo_response
from lambda_app.api.messages.pages import WEB, static_file


def request_with(headers: dict[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "headers": raw})


@pytest.mark.parametrize("name", ["style.css", "app.js", "favicon.svg", "index.html", "swagger-ui-bundle.js"])
def test_the_page_and_the_documentation_have_their_files(name: str):
    path = static_file(name)
    assert path is not None
    assert path.name == name


def test_every_file_of_the_page_is_served(client: TestClient):
    for path in (path for path in WEB.rglob("*") if path.is_file()):
        assert client.get(f"/static/{path.relative_to(WEB).as_posix()}").content == path.read_bytes()


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


def test_files_are_kept_for_long_under_their_version(client: TestClient):
    (script,) = re.findall(r'src="(static/[0-9a-f]{12}/app.js)"', client.get("/").text)
    answer = client.get(f"/{script}")
    assert answer.content == (WEB / "app.js").read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    other = client.get("/static/0123456789ab/app.js")
    assert (other.content, other.headers["cache-control"]) == (answer.content, "no-cache")
    assert client.get("/static/0123456789ab/nothing.js").status_code == 404


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "gzip"), ("br;q=1, gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("identity", None), ("", None)],
)
@pytest.mark.parametrize("path", ["/", "/static/style.css", "/static/swagger-ui-bundle.js"])
def test_files_are_compressed_for_clients_that_take_it(
    client: TestClient, path: str, accepted: str, encoding: str | None
):
    answer = client.get(path, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert "Accept-Encoding" in answer.headers["vary"].split(", ")
    assert answer.content == client.get(path, headers={"Accept-Encoding": "identity"}).content
    known = {"Accept-Encoding": accepted, "If-None-Match": answer.headers["etag"]}
    assert client.get(path, headers=known).status_code == 304


def test_a_photo_is_typed_by_its_bytes_and_a_change_changes_its_etag(tmp_path: Path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"<html>not a photo</html>")
    first = photo_response(path, request_with({}))
    assert first.headers["content-type"] == "application/octet-stream"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    os.utime(path, (1, 1))
    second = photo_response(path, request_with({"If-None-Match": first.headers["etag"]}))
    assert (second.status_code, second.headers["content-type"]) == (200, "image/png")
