"""Multipart bodies (RFC 7578) that are in memory already: their parts, as bytes. Nothing is written to disk."""

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from lambda_app.errors import RequestError

MEDIA_TYPE = "multipart/form-data"
MAX_PARTS = 100


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
    collector = _Collector()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": collector.begin_part,
                "on_header_field": collector.header_name,
                "on_header_value": collector.header_value,
                "on_header_end": collector.end_header,
                "on_part_data": collector.part_data,
                "on_part_end": collector.end_part,
                "on_end": collector.end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as exc:
        raise RequestError(f"the multipart body does not parse: {exc}") from exc
    if not collector.complete:
        raise RequestError("the multipart body ends before its closing boundary")
    return collector.parts


@dataclass
class _Collector:
    """Receives the parser's events; each carries the whole body and where in it the piece lies.

    Content is copied once, at the end of its part: a photo is megabytes, and the parser tells of it in pieces.
    """

    parts: list[Part] = field(default_factory=list)
    complete: bool = False
    _name: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""
    _pieces: list[memoryview] = field(default_factory=list)

    def begin_part(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise RequestError(f"the multipart body has more than {MAX_PARTS} parts")
        self._disposition, self._pieces = b"", []

    def header_name(self, buffer: bytes, start: int, end: int) -> None:
        self._name += buffer[start:end]

    def header_value(self, buffer: bytes, start: int, end: int) -> None:
        self._value += buffer[start:end]

    def end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def part_data(self, buffer: bytes, start: int, end: int) -> None:
        self._pieces.append(memoryview(buffer)[start:end])

    def end_part(self) -> None:
        options = parse_options_header(self._disposition)[1]
        if b"name" not in options:
            raise RequestError("a part of the multipart body has no name")
        filename = options.get(b"filename")
        self.parts.append(
            Part(
                options[b"name"].decode("utf-8", "replace"),
                None if filename is None else filename.decode("utf-8", "replace"),
                b"".join(self._pieces),
            )
        )

    def end(self) -> None:
        self.complete = True
