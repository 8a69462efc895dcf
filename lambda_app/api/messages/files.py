"""Responses with a photo. Clients revalidate them by ETag. `pages.py` has those with files of the page."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from lambda_app.api.messages.pages import UNKNOWN, is_known
from lambda_app.photo.kinds import media_type

PHOTO_CACHE = "public, max-age=3600"


def photo_response(path: Path, request: Request) -> Response:
    """A photo. Its first bytes decide its media type, not its name."""
    state = path.stat()
    etag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
    headers = {"ETag": etag, "Cache-Control": PHOTO_CACHE}
    if is_known(etag, request):
        return Response(status_code=304, headers=headers)
    data = path.read_bytes()
    return Response(data, headers=headers, media_type=media_type(data) or UNKNOWN)
