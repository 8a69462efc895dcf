import asyncio

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.requests import Request

from lambda_app.api.messages.reading import parse_json, read_body
from lambda_app.errors import EncodedBodyError, QueryError, RequestError, RequestTimeoutError, RequestTooLargeError
from tests.lambda_app.forms import CONTENT_TYPE, form, part

LIMIT = 200_000  # of the fixture's settings


class Liked(BaseModel):
    liked: list[str]
    k: int = 4


def request_of(chunks: list[bytes], headers: dict[str, str] | None = None, *, gone: bool = False) -> Request:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request", "body": b"", "more_body": False})
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


@pytest.mark.anyio
async def test_a_body_is_read_whole_up_to_the_limit():
    assert await read_body(request_of([b"ab", b"", b"cde"], {"content-length": "5"}), 5, 20) == b"abcde"


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [{}, {"content-length": "3"}])
async def test_a_body_that_grows_over_the_limit_is_refused_whatever_it_declares(headers: dict[str, str]):
    with pytest.raises(RequestTooLargeError, match="more than 5 bytes"):
        await read_body(request_of([b"abc", b"def"], headers), 5, 20)


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, identity"])
async def test_a_compressed_body_is_refused(encoding: str):
    with pytest.raises(EncodedBodyError, match=f"the Content-Encoding '{encoding}', which is not taken"):
        await read_body(request_of([b"abc"], {"content-encoding": encoding}), 5, 20)


@pytest.mark.anyio
async def test_a_body_encoded_as_identity_is_read():
    assert await read_body(request_of([b"abc"], {"content-encoding": "identity"}), 5, 20) == b"abc"


@pytest.mark.anyio
async def test_a_body_that_declares_too_much_is_not_read():
    request = request_of([], {"content-length": "6000"})
    with pytest.raises(
        RequestTooLargeError,
        match=r"has 6,000 bytes; the limit is 5\. Make the photo smaller$",
    ):
        await read_body(request, 5, 20)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "declared", ["\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT TWO}", "nonsense", "-1", "1e3", "", "9" * 5000]
)
async def test_a_declared_length_that_is_no_number_is_a_bad_request(declared: str):
    request = request_of([b"abc"])
    request.scope["headers"] = [(b"content-length", declared.encode("latin-1", "replace"))]
    with pytest.raises(RequestError, match=r"the Content-Length is .*; it takes a number of bytes"):
        await read_body(request, 5, 20)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_body_that_takes_too_long_is_refused(anyio_backend: str):
    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(RequestTimeoutError, match=r"after 0.1 s, which is the limit, \d+ bytes of the body had come"):
        await read_body(Request({"type": "http", "method": "POST", "headers": []}, receive), 10_000, 0.1)


@pytest.mark.anyio
async def test_a_client_that_goes_away_is_a_bad_request():
    with pytest.raises(RequestError, match="the client disconnected"):
        await read_body(request_of([b"ab"], gone=True), 5, 20)


def test_json_is_parsed_into_its_model():
    assert parse_json(b'{"liked": ["a"], "invented": 1}', Liked) == Liked(liked=["a"])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"liked": ["\\ud800"]}', b"[" * 10_000])
def test_what_is_not_json_is_a_bad_request(body: bytes):
    with pytest.raises(RequestError, match="the body is not JSON"):
        parse_json(body, Liked)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "the body is"),
        (b"{}", "^liked is missing$"),
        (b'{"liked": [1]}', "liked.0 is 1"),
        (b'{"liked": [], "k": "x"}', "k is 'x'"),
        (b'{"liked": "' + b"x" * 500 + b'"}', r"liked is 'x{79}\.\.\."),
    ],
)
def test_json_of_another_shape_is_a_bad_parameter(body: bytes, says: str):
    with pytest.raises(QueryError, match=says):
        parse_json(body, Liked)


def test_a_photo_comes_as_a_form_or_as_the_body_itself(client: TestClient, photo: bytes):
    by_library = client.post("/predict/category", files={"file": photo})
    assert by_library.status_code == 200
    for body, content_type in (
        (form(part("file", photo)), CONTENT_TYPE),
        (form(part("file", photo, declared="text/html")), CONTENT_TYPE),
        (form(part("file", photo, filename=None)), CONTENT_TYPE),
        (form(part("file", photo, filename="evil.exe")), CONTENT_TYPE),
        (form(part("file", photo)), CONTENT_TYPE.upper().replace("BOUNDARY=----BOUNDARY", "boundary=----boundary")),
        (photo, "image/jpeg"),
        (photo, "image/png"),
        (photo, "application/octet-stream"),
    ):
        answer = client.post("/predict/category", content=body, headers={"Content-Type": content_type})
        assert answer.json() == by_library.json()


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"", "", "its body is empty. Send multipart/form-data with the photo as field 'file', or the photo itself"),
        (b"", "image/jpeg", "holds no photo"),
        (b"x", "application/x-www-form-urlencoded", "Content-Type is 'application/x-www-form-urlencoded'"),
        (form(), CONTENT_TYPE, "0 fields 'file'; it takes 1"),
        (form(part("photo", b"x")), CONTENT_TYPE, "0 fields 'file'; it takes 1, the photo. It has only 'photo'"),
        (form(part("file", b"x"), part("file", b"x")), CONTENT_TYPE, "2 fields 'file'"),
        (form(part("file", b"x"))[:-8], CONTENT_TYPE, "closing boundary"),
        (b"{", "application/json", "not JSON"),
    ],
)
def test_a_request_without_photo_is_a_bad_request(client: TestClient, body: bytes, content_type: str, says: str):
    answer = client.post("/predict/category", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_uploads_are_not_offered_on_a_folder(client: TestClient):
    answer = client.post("/predict", json={"upload": "uploads/1"})
    assert answer.status_code == 501
    assert "'uploads/1'" in answer.json()["detail"]
    assert client.post("/predict", json={"key": "uploads/1"}).status_code == 422
    ticket = client.post("/uploads", json={"content_type": "image/jpeg"})
    assert ticket.status_code == 501
    assert ticket.headers["content-type"] == "application/problem+json"
    assert client.post("/uploads", json={}).status_code == 422
    assert client.post("/uploads").status_code == 400


def test_the_byte_limit_holds_with_and_without_a_declared_length(client: TestClient):
    declared = client.post("/predict", content=bytes(LIMIT + 1), headers={"Content-Type": "image/jpeg"})
    streamed = client.post("/predict", content=iter([bytes(LIMIT), b"x"]), headers={"Content-Type": "image/jpeg"})
    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert "200,001 bytes; the limit is 200,000" in declared.json()["detail"]
    assert "200,000" in streamed.json()["detail"]
    assert client.post("/recommend", content=bytes(LIMIT + 1)).status_code == 413


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("k=0", "k is 0; it takes 1 to 100"),
        ("k=1000000000", "k is 1000000000; it takes 1 to 100"),
        ("k=" + "9" * 5000, "k is '99"),
        ("k=four", "k is 'four'"),
        ("k=1.5", "k is '1.5'"),
        ("category=Boats", "category 'Boats' is unknown; the live release has: Home & Garden"),
        ("min_price=NaN", "min_price is nan"),
        ("max_price=inf", "max_price is inf"),
        ("min_price=cheap", "min_price is 'cheap'"),
        ("min_price=5&max_price=4", "min_price 5.0 is above max_price 4.0"),
        ("min_score=1.01", "min_score is 1.01"),
        ("min_score=nan", "min_score is nan"),
        ("distinct=seller", "distinct is 'seller'"),
    ],
)
@pytest.mark.parametrize("route", ["/predict", "/predict/similar_images", "/predict/batch", "/items/003a/similar"])
def test_a_bad_parameter_is_named_with_its_limit(client: TestClient, photo: bytes, route: str, query: str, says: str):
    field = "files" if route.endswith("batch") else "file"
    answer = (
        client.get(f"{route}?{query}")
        if route.startswith("/items")
        else client.post(f"{route}?{query}", files={field: photo})
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("route", ["/predict", "/predict/category", "/predict/similar_images", "/predict/batch"])
def test_a_bad_parameter_is_refused_before_the_photo_is_decoded(client: TestClient, photo: bytes, route: str):
    field = "files" if route.endswith("batch") else "file"
    for data in (photo, b"no photo"):
        answer = client.post(f"{route}?k=0", files={field: data})
        assert (answer.status_code, answer.json()["detail"]) == (422, "k is 0; it takes 1 to 100")
        assert "decode" not in answer.headers["server-timing"]


def test_every_bad_parameter_is_named_up_to_three(client: TestClient):
    answer = client.get("/items/003a/similar?k=a&min_price=b&max_price=c&min_score=d")
    assert answer.status_code == 422
    named = [part.partition(" is ")[0] for part in answer.json()["detail"].split("; ")]
    assert named == ["k", "min_price", "max_price"]
