"""Responses with the files of the page and of /docs: compressed, and cached for long under a name with their digest.

The pages name their files as `static/<version>/<name>`, and scripts name each other relative to that. The version is a
digest of all files, so it changes with any of them: a browser never mixes files of two versions, and needs no question
to use what it has.
"""

import functools
import gzip
import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

WEB = Path(__file__).parents[1] / "web"
INDEX = WEB / "index.html"
DOCS = WEB / "docs.html"
# What a page may load and call (Content Security Policy, level 3): its own scripts, styles and routes, nothing inline.
# Photos also come from the bucket, by presigned URL. All other answers allow nothing, as `middleware.py` says.
_NONE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_OWN = f"{_NONE}; script-src 'self'; style-src 'self'"
POLICIES = {INDEX: f"{_OWN}; img-src 'self' blob: data: https:", DOCS: f"{_OWN}; img-src 'self' data:"}
# The report is a page of its own: styles and pictures within it, nothing loaded, no scripts, no forms. It comes with a
# drop, so it gets an origin of its own too.
REPORT_POLICY = f"{_NONE}; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"
PAGE_CACHE = "no-cache"  # browsers may store it but must revalidate it each time, so a new version appears at once
LONG_CACHE = "public, max-age=31536000, immutable"
UNKNOWN = "application/octet-stream"
_LENGTH = 12  # hexadecimal digits of the version


@dataclass(frozen=True)
class _File:
    """A file as it is sent: plain, compressed (empty if that saves nothing), its media type and its digest."""

    data: bytes
    compressed: bytes
    kind: str
    digest: str


def static_response(name: str, request: Request) -> Response | None:
    """A file of the page or of the documentation page, by its name with or without a version; None if unknown.

    Under another version than that of now, such as that of a page that was loaded before an update, it is revalidated.
    """
    version, _, rest = name.partition("/")
    path, versioned = static_file(name), False
    if path is None and len(version) == _LENGTH:
        path, versioned = static_file(rest), version == _version()
    if path is None:
        return None
    return _response(_read(path), LONG_CACHE if versioned else PAGE_CACHE, request)


def static_file(name: str) -> Path | None:
    """The file served at /static/<name>. None if unknown."""
    return _static_files().get(name)


def page_response(
    path: Path,
    request: Request,
    calls: Iterable[str] = (),
    *,
    is_open: bool = False,
    without: tuple[str, ...] | None = None,
) -> Response:
    """A page.

    Args:
        path: its file.
        request: what was sent.
        calls: other origins that the page may call.
        is_open: whether nobody needs to sign in, so that it shows at once what it is for.
        without: ids of elements that are hidden from the start, so that nothing moves when the page learns of it; None:
            that is not known yet.
    """
    file = _page(path, _version(), _changed(path), is_open, without)
    response = _response(file, PAGE_CACHE, request)
    called = " ".join(("'self'", *calls))
    response.headers["Content-Security-Policy"] = f"{POLICIES[path]}; connect-src {called}"
    return response


def report_response(page: bytes) -> Response:
    """The evaluation report of a release."""
    headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "private, no-cache"}
    return Response(page, headers=headers, media_type="text/html")


def _response(file: _File, cache: str, request: Request) -> Response:
    compressed = bool(file.compressed) and _takes_gzip(request.headers.get("accept-encoding", ""))
    etag = f'"{file.digest}{"-gzip" if compressed else ""}"'
    headers = {"ETag": etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if is_known(etag, request):
        return Response(status_code=304, headers=headers)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    return Response(file.compressed if compressed else file.data, headers=headers, media_type=file.kind)


def is_known(etag: str, request: Request) -> bool:
    """Whether the client has the content with this ETag. Weak comparison, as RFC 9110 (13.1.2) requires."""
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return etag in known or "*" in known


def _takes_gzip(accepted: str) -> bool:
    """Whether a header Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    for entry in accepted.lower().split(","):
        coding, _, weight = (part.strip() for part in entry.partition(";"))
        if coding == "gzip":
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False


@functools.lru_cache(maxsize=8)
def _page(path: Path, version: str, _: tuple[int, int], is_open: bool, without: tuple[str, ...] | None) -> _File:
    """The page; the third argument, its time and size, is a part of the cache's key."""
    text = path.read_text(encoding="utf-8").replace('"static/', f'"static/{version}/')
    for name in without or ():
        text = text.replace(f'id="{name}"', f'id="{name}" hidden')
    if without is not None:
        text = text.replace('data-release="unknown"', 'data-release="known"')
    return _file(path, (text.replace('data-gate="pending"', 'data-gate="open"') if is_open else text).encode())


def _read(path: Path) -> _File:
    return _stored(path, _changed(path))


@functools.lru_cache(maxsize=64)
def _stored(path: Path, _: tuple[int, int]) -> _File:
    return _file(path, path.read_bytes())


def _file(path: Path, data: bytes) -> _File:
    kind = mimetypes.guess_type(path.name)[0] or UNKNOWN
    compressed = gzip.compress(data, mtime=0) if kind != UNKNOWN else b""
    digest = hashlib.sha256(data).hexdigest()[:16]
    return _File(data, compressed if len(compressed) < len(data) else b"", kind, digest)


def _changed(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def _version() -> str:
    return _digest(tuple((name, *_changed(path)) for name, path in sorted(_static_files().items())))


@functools.lru_cache(maxsize=2)
def _digest(states: tuple[tuple[str, int, int], ...]) -> str:
    """The digest of all files, whose names, times and sizes are these."""
    digest = hashlib.sha256()
    for name, _, size in states:
        digest.update(f"{name} {size}\n".encode())
        digest.update(_static_files()[name].read_bytes())
    return digest.hexdigest()[:_LENGTH]


@functools.cache
def _static_files() -> dict[str, Path]:
    """All files that may be served, by name. Requested names are only looked up here; they never become a path."""
    # Swagger UI's files, the only use of this package. It is loaded here, when needed, to keep cold starts short.
    docs = Path(str(resources.files("fastapi_offline"))) / "static"
    files = {path.name: path for path in docs.iterdir() if path.is_file()}
    return files | {path.relative_to(WEB).as_posix(): path for path in WEB.rglob("*") if path.is_file()}
