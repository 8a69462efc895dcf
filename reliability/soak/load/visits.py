"""The requests of mixed traffic, good and bad, each with the answers that it may get."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.inputs.photos import PHONE, SMALL, photo
from benchmarks.processes.server import CONTENT_TYPE, form
from reliability.soak.load.connection import request
from tests.releases import encode

_JSON, _BOUNDARY = "application/json", CONTENT_TYPE.partition("boundary=")[2]
_PART_SECONDS = 0.05
NOTHING = 0


@dataclass(frozen=True)
class Visit:
    """A request.

    Attributes:
        data: its bytes, in the parts in which they are sent, with a short pause between two.
        expected: the status that it must get; `NOTHING`: the server closes the connection without an answer.
        leaves: whether the client disconnects after the last part, without waiting for an answer.
        often: how often it comes, beside the others.
    """

    name: str
    data: Sequence[bytes]
    expected: int
    leaves: bool = False
    often: int = 2


def visits(folder: Path, ids: Sequence[str], photos: Mapping[str, bytes], *, large: bool) -> list[Visit]:
    """All kinds of requests.

    Args:
        folder: where large photos are kept once they are made.
        ids: of items that every release of the traffic has.
        photos: of these items.
        large: whether photos of phones (12 megapixels) are among them.
    """
    sizes = {"a small photo": photos[ids[0]], "a photo of 0.5 megapixels": photo(folder, SMALL)}
    if large:
        sizes["a photo of 12 megapixels"] = photo(folder, PHONE)
    good = [Visit(f"predict {name}", [_posted("/predict", form(data))], 200, often=6) for name, data in sizes.items()]
    return [
        *good,
        *_photos(photos[ids[0]], photos[ids[1]]),
        *_reading(ids),
        *_wrong(photos[ids[0]], ids),
        *_slow(photos[ids[0]]),
    ]


def _photos(first: bytes, second: bytes) -> list[Visit]:
    picture = Image.effect_mandelbrot((300, 200), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    batch = b"".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{n}.jpg"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for n, data in enumerate((first, b"no photo", second))
    )
    return [
        *(
            Visit(f"predict {route}", [_posted(f"/predict/{route}", form(first))], 200)
            for route in ("category", "feature_embedding")
        ),
        Visit(
            "predict filtered neighbours", [_posted("/predict/similar_images?k=3&max_price=90000", form(second))], 200
        ),
        Visit(
            "predict a batch with one bad file",
            [_posted("/predict/batch", batch + f"--{_BOUNDARY}--\r\n".encode())],
            200,
        ),
        *(
            Visit(
                f"predict a {kind} as the body",
                [_posted("/predict", encode(picture, kind), f"image/{kind.lower()}")],
                200,
            )
            for kind in ("PNG", "WEBP", "JPEG")
        ),
    ]


def _reading(ids: Sequence[str]) -> list[Visit]:
    liked = json.dumps({"liked": ids[:2], "disliked": ids[4:5]}).encode()
    paths = (
        f"/items/{ids[0]}",
        f"/items/{ids[1]}/similar?k=5",
        f"/images/{ids[2]}",
        "/release",
        "/healthcheck",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/",
        "/static/app.js",
    )
    return [
        Visit("recommend", [_posted("/recommend", liked, _JSON)], 200),
        *(Visit(f"GET {path.partition('?')[0]}", [request("GET", path)], 200) for path in paths),
    ]


def _wrong(data: bytes, ids: Sequence[str]) -> list[Visit]:
    too_long = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 5000000\r\n\r\n"
    posts = [
        ("a cut photo", "/predict", form(data[: len(data) // 2]), CONTENT_TYPE, 422),
        ("a text as photo", "/predict", form(b"this is no photo" * 9), CONTENT_TYPE, 415),
        ("an empty body", "/predict", b"", "image/jpeg", 400),
        ("a form without its end", "/predict", form(data)[:-20], CONTENT_TYPE, 400),
        ("a k out of range", "/predict?k=100000", form(data), CONTENT_TYPE, 422),
        ("an upload to a folder", "/uploads", b'{"content_type": "image/jpeg"}', _JSON, 501),
        ("a key of an upload", "/predict", b'{"upload": "uploads/x"}', _JSON, 501),
        ("recommend unknown ids", "/recommend", b'{"liked": ["unknown"], "disliked": []}', _JSON, 404),
        ("recommend by no JSON", "/recommend", b'{"liked": ', _JSON, 400),
        ("POST to an item", f"/items/{ids[0]}", b"", _JSON, 405),
    ]
    paths = ("/items/unknown", "/items/unknown/similar", "/images/unknown", "/nowhere", "/static/../secret")
    return [
        *(Visit(name, [_posted(path, body, kind)], status) for name, path, body, kind, status in posts),
        *(Visit(f"GET {path}", [request("GET", path)], 404) for path in paths),
        Visit("GET of a route for POST", [request("GET", "/predict")], 405),
        Visit("too long by its header", [too_long], 413),
    ]


def _slow(data: bytes) -> list[Visit]:
    whole = _posted("/predict", form(data))
    end = whole.index(b"\r\n\r\n") + 4
    step = max(1, len(whole) // 8)
    dribbled = [whole[at : at + step] for at in range(0, len(whole), step)]
    half = end + (len(whole) - end) // 2
    return [
        Visit("predict from a slow client", dribbled, 200),
        Visit("a body that does not end", [whole[:half]], 408, often=1),
        Visit("a head that does not end", [whole[: end // 2]], NOTHING, often=1),
        Visit("a client that leaves within its head", [whole[: end // 2]], NOTHING, leaves=True),
        Visit("a client that leaves within its body", [whole[:half]], NOTHING, leaves=True),
        Visit("a client that leaves before the answer", [whole], NOTHING, leaves=True),
    ]


def _posted(path: str, body: bytes, kind: str = CONTENT_TYPE) -> bytes:
    return request("POST", path, body, kind)


async def send(visit: Visit, port: int, patience: float) -> int:
    """Make one request on a new connection; the status of the answer, or `NOTHING`.

    Raises:
        TimeoutError: neither an answer nor the end of the connection within `patience` seconds.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in visit.data:
            writer.write(part)
            await writer.drain()
            if len(visit.data) > 1:
                await asyncio.sleep(_PART_SECONDS)
        if visit.leaves:
            return NOTHING
        async with asyncio.timeout(patience):
            return await _status(reader)
    except ConnectionError:
        return NOTHING
    finally:
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return NOTHING
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    await reader.readexactly(length)
    return int(lines[0].split()[1])
