"""Multipart bodies (RFC 7578) that are in memory already: their parts, as bytes. Nothing is written to disk.

A body that is whole is cut by searching it for its boundary, at the speed of memory.
"""

import re
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header

from lambda_app.errors import RequestError

MEDIA_TYPE = "multipart/form-data"
MAX_PARTS = 100
MAX_BOUNDARY = 70  # RFC 2046, 5.1.1
MAX_HEADERS = 8192  # bytes, of one part
_LINE = b"\r\n"
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([^\r\n]*)")  # a token, RFC 9110, 5.6.2


@dataclass(frozen=True)
class Part:
    """A field of the form.

    Attributes:
        name: of the field.
        filename: as the client calls the file, None where it says nothing; never used as a path.
        data: the content, whatever type the client declares for it.
    """

    name: str
    filename: str | None
    data: bytes


def parse_multipart(body: bytes, content_type: str) -> list[Part]:
    """The parts of a body.

    Args:
        content_type: the request's header, with the boundary.

    Raises:
        RequestError: no boundary, a body that does not parse or is cut off, or more than `MAX_PARTS` parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise RequestError(f"the Content-Type {content_type[:80]!r} names no boundary")
    if len(boundary) > MAX_BOUNDARY:
        raise _broken(f"its boundary has {len(boundary)} bytes; the limit is {MAX_BOUNDARY}")
    mark = _LINE + b"--" + boundary
    # The first boundary may have no line before it.
    opened = _behind(body, len(mark) - len(_LINE)) if body.startswith(mark[len(_LINE) :]) else None
    start, last = opened or _delimiter(body, mark, 0)[1:]
    parts: list[Part] = []
    while not last:
        if len(parts) == MAX_PARTS:
            raise RequestError(f"the multipart body has more than {MAX_PARTS} parts")
        disposition, content = _headers(body, start)
        end, start, last = _delimiter(body, mark, content)
        parts.append(_part(disposition, body[content:end]))
    return parts


def _delimiter(body: bytes, mark: bytes, start: int) -> tuple[int, int, bool]:
    """The next boundary from `start` on: where it begins, where what follows it begins, whether it is the last."""
    at = body.find(mark, start)
    while at >= 0:
        if behind := _behind(body, at + len(mark)):
            return at, *behind
        at = body.find(mark, at + len(mark))
    raise RequestError("the multipart body ends before its closing boundary")


def _behind(body: bytes, at: int) -> tuple[int, bool] | None:
    """What a boundary that ends at `at` is followed by; None if it is content that only begins like a boundary."""
    ending = body[at : at + 2]
    return (at + 2, ending == b"--") if ending in (_LINE, b"--") else None


def _headers(body: bytes, start: int) -> tuple[bytes, int]:
    """A part's Content-Disposition, empty where it has none, and where the part's content begins."""
    if body.startswith(_LINE, start):
        return b"", start + len(_LINE)
    end = body.find(2 * _LINE, start, start + MAX_HEADERS)
    if end < 0 and len(body) < start + MAX_HEADERS:
        raise RequestError("the multipart body ends before its closing boundary")
    if end < 0:
        raise _broken(f"a part has more than {MAX_HEADERS:,} bytes of headers")
    disposition = b""
    for line in body[start:end].split(_LINE):
        header = _HEADER.fullmatch(line)
        if header is None:
            raise _broken(f"{line[:80]!r} is no header")
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


def _broken(reason: str) -> RequestError:
    return RequestError(f"the multipart body does not parse: {reason}")
