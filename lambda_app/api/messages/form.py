"""Parses multipart bodies (RFC 7578) that are completely in memory: their parts, as bytes. Nothing is written to disk.

The body is split by searching for the boundary with `bytes.find`, which is fast.
"""

import re
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header

from lambda_app.errors import RequestError

MEDIA_TYPE = "multipart/form-data"
MAX_PARTS = 100
MAX_BOUNDARY = 70  # RFC 2046, 5.1.1
MAX_HEADERS = 8192  # bytes per part
_LINE = b"\r\n"
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([^\r\n]*)")  # a token, RFC 9110, 5.6.2


@dataclass(frozen=True)
class Part:
    """A field of the form.

    Attributes:
        name: of the field.
        filename: the file name that the client sent, None without one; never used as a path.
        data: the content; the type that the client declares is ignored.
    """

    name: str
    filename: str | None
    data: bytes


def parse_multipart(body: bytes, content_type: str) -> list[Part]:
    """Split a body into its parts.

    Args:
        content_type: the Content-Type header of the request, with the boundary.

    Raises:
        RequestError: no boundary, a body that does not parse or is cut off, or more than `MAX_PARTS` parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise RequestError(f"the Content-Type {content_type[:80]!r} has no boundary")
    if len(boundary) > MAX_BOUNDARY:
        raise _malformed(f"its boundary has {len(boundary)} bytes; the limit is {MAX_BOUNDARY}")
    delimiter = _LINE + b"--" + boundary
    # The first boundary may be at the very start of the body, without a line break before it.
    first = delimiter[len(_LINE) :]
    found = _after_boundary(body, len(first)) if body.startswith(first) else None
    start, last = found or _next_delimiter(body, delimiter, 0)[1:]
    parts: list[Part] = []
    while not last:
        if len(parts) == MAX_PARTS:
            raise RequestError(f"the multipart body has more than {MAX_PARTS} parts")
        disposition, content = _headers(body, start)
        end, start, last = _next_delimiter(body, delimiter, content)
        parts.append(_part(disposition, body[content:end]))
    return parts


def _next_delimiter(body: bytes, delimiter: bytes, start: int) -> tuple[int, int, bool]:
    """The first delimiter from `start` on: its position, the position after its line, and whether it is the last."""
    at = body.find(delimiter, start)
    while at >= 0:
        if after := _after_boundary(body, at + len(delimiter)):
            return at, *after
        at = body.find(delimiter, at + len(delimiter))
    raise RequestError("the multipart body ends before its closing boundary")


def _after_boundary(body: bytes, at: int) -> tuple[int, bool] | None:
    """For a boundary that ends at `at`: the position after its line, and whether it is the last boundary.

    None if it is not a boundary, but content that begins like one.
    """
    ending = body[at : at + 2]
    return (at + 2, ending == b"--") if ending in (_LINE, b"--") else None


def _headers(body: bytes, start: int) -> tuple[bytes, int]:
    """A part's Content-Disposition (empty if it has none), and the position of its content."""
    if body.startswith(_LINE, start):
        return b"", start + len(_LINE)
    end = body.find(2 * _LINE, start, start + MAX_HEADERS)
    if end < 0 and len(body) < start + MAX_HEADERS:
        raise RequestError("the multipart body ends before its closing boundary")
    if end < 0:
        raise _malformed(f"a part has more than {MAX_HEADERS:,} bytes of headers")
    disposition = b""
    for line in body[start:end].split(_LINE):
        header = _HEADER.fullmatch(line)
        if header is None:
            raise _malformed(f"{line[:80]!r} is not a header")
        if header[1].lower() == b"content-disposition":
            disposition = header[2]
    return disposition, end + 2 * len(_LINE)


def _part(disposition: bytes, data: bytes) -> Part:
    options = parse_options_header(disposition)[1]
    if b"name" not in options:
        raise RequestError("a part of the multipart body has no name")
    filename = options.get(b"filename")
    return Part(
        options[b"name"].decode("utf-8", "replace"),
        None if filename is None else filename.decode("utf-8", "replace"),
        data,
    )


def _malformed(reason: str) -> RequestError:
    return RequestError(f"the multipart body does not parse: {reason}")
