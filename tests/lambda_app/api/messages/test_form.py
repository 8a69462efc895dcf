import random

import pytest

from lambda_app.api.messages.form import MAX_PARTS, Part, parse_multipart
from lambda_app.errors import RequestError
from tests.lambda_app.forms import BOUNDARY, CONTENT_TYPE, form, part


def test_parts_come_out_as_they_went_in():
    photo = random.Random(0).randbytes(50_000) + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n"
    body = form(
        part("file", photo),
        part("file", b"", filename="../../etc/passwd", declared="text/html"),
        part("note", "é".encode(), filename=None),
        part("files", b"x", filename="ö.jpg"),
    )
    assert parse_multipart(body, CONTENT_TYPE) == [
        Part("file", "photo.jpg", photo),
        Part("file", "../../etc/passwd", b""),
        Part("note", None, "é".encode()),
        Part("files", "ö.jpg", b"x"),
    ]


def test_header_names_and_boundaries_are_read_leniently():
    body = b"--b c\r\ncontent-disposition: form-data; name=file\r\nX-Other: 1\r\n\r\ndata\r\n--b c--\r\nepilogue"
    assert parse_multipart(body, 'Multipart/Form-Data; charset=utf-8; boundary="b c"') == [Part("file", None, b"data")]


def test_names_that_are_not_utf8_are_replaced():
    body = form(part("file", b"x").replace(b"photo.jpg", b"\xff.jpg"))
    assert parse_multipart(body, CONTENT_TYPE)[0].filename == "\ufffd.jpg"


def test_what_stands_before_and_after_the_form_is_passed_over():
    body = form(part("file", b"x"))
    for around in (b"\r\n" + body, b"a preamble\r\n" + body, body + b"an epilogue"):
        assert parse_multipart(around, CONTENT_TYPE) == [Part("file", "photo.jpg", b"x")]


def test_a_line_that_only_begins_like_the_boundary_is_content():
    data = f"\r\n--{BOUNDARY}er\r\n".encode()
    assert parse_multipart(form(part("file", data)), CONTENT_TYPE)[0].data == data


def test_a_form_may_be_empty():
    assert parse_multipart(form(), CONTENT_TYPE) == []


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (form(part("file", b"x")), "multipart/form-data", "has no boundary"),
        (form(part("file", b"x")), f"multipart/form-data; boundary={'x' * 500}", "does not parse"),
        (form(part("file", b"x")), "multipart/form-data; boundary=another", "parse|closing"),
        (b"", CONTENT_TYPE, "closing boundary"),
        (part("file", b"x"), CONTENT_TYPE, "closing boundary"),
        (form(part("file", b"x"))[:60], CONTENT_TYPE, "closing boundary"),
        (b"not multipart at all", CONTENT_TYPE, "parse|closing"),
        (form(f"--{BOUNDARY}\r\nX: 1\r\n\r\nx\r\n".encode()), CONTENT_TYPE, "has no name"),
        (form(f"--{BOUNDARY}\r\n\r\nx\r\n".encode()), CONTENT_TYPE, "has no name"),
        (form(f"--{BOUNDARY}\r\nbad header\r\n\r\nx\r\n".encode()), CONTENT_TYPE, "does not parse"),
        (form(f"--{BOUNDARY}\r\nA: {'x' * 100_000}\r\n\r\nx\r\n".encode()), CONTENT_TYPE, "does not parse"),
        (form(f"--{BOUNDARY}\r\nA: x\rB: y\r\n\r\nx\r\n".encode()), CONTENT_TYPE, "does not parse"),
        (form(*[part("file", b"x")] * (MAX_PARTS + 1)), CONTENT_TYPE, "more than 100 parts"),
    ],
)
def test_what_does_not_parse_is_a_bad_request(body: bytes, content_type: str, says: str):
    with pytest.raises(RequestError, match=says):
        parse_multipart(body, content_type)


def test_broken_forms_raise_nothing_but_bad_requests():
    rng = random.Random(0)
    whole = form(part("file", b"some data"), part("files", b"more", declared="image/png"))
    for _ in range(500):
        body = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        try:
            parts = parse_multipart(bytes(body), CONTENT_TYPE)
        except RequestError:
            continue
        assert len(parts) <= 2
