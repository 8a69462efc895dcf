"""Responses with the content of a file: photos, the web page, the files of /docs. Clients revalidate them by ETag."""

import functools
import mimetypes
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from lambda_app.photo.kinds import media_type

WEB = Path(__file__).parents[1] / "web"
INDEX = WEB / "index.html"
DOCS = WEB / "docs.html"
# What a page may load and call (Content Security Policy, level 3): its own scripts, styles and routes, nothing inline.
# Photos also come from the bucket, by presigned URL. All other answers allow nothing, as `middleware.py` says.
_NONE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_OWN = f"{_NONE}; script-src 'self'; style-src 'self'"
POLICIES = {INDEX: f"{_OWN}; img-src 'self' blob: data: https:", DOCS: f"{_OWN}; img-src 'self' data:"}
PHOTO_CACHE = "public, max-age=3600"
PAGE_CACHE = "no-cache"  # browsers may store it but must revalidate it each time, so a new version appears at once
_UNKNOWN = "application/octet-stream"


def static_file(name: str) -> Path | None:
    """The file served at /static/<name>: a file of the web page or of the documentation page. None if unknown."""
    return _static_files().get(name)


def page_response(path: Path, request: Request, calls: Iterable[str] = ()) -> Response:
    """A file of the web page. Its name decides its media type. `calls`: other origins that the page may call."""
    kind = mimetypes.guess_type(path.name)[0] or _UNKNOWN
    response = _file_response(path, path.read_bytes(), kind, PAGE_CACHE, request)
    if path in POLICIES:
        called = " ".join(("'self'", *calls))
        response.headers["Content-Security-Policy"] = f"{POLICIES[path]}; connect-src {called}"
    return response


def photo_response(path: Path, request: Request) -> Response:
    """A photo. Its first bytes decide its media type, not its name."""
    data = path.read_bytes()
    return _file_response(path, data, media_type(data) or _UNKNOWN, PHOTO_CACHE, request)


def _file_response(path: Path, data: bytes, kind: str, cache: str, request: Request) -> Response:
    state = path.stat()
    etag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
    headers = {"ETag": etag, "Cache-Control": cache}
    # Weak comparison, as RFC 9110 (13.1.2) requires for If-None-Match.
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=kind)


@functools.cache
def _static_files() -> dict[str, Path]:
    """All files that may be served, by name. Requested names are only looked up here; they never become a path."""
    # Swagger UI's files, the only use of this package. It is loaded here, when needed, to keep cold starts short.
    docs = Path(str(resources.files("fastapi_offline"))) / "static"
    return {path.name: path for folder in (docs, WEB) for path in folder.iterdir() if path.is_file()}
