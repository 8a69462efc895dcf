"""What is asked of each route, and what its answer must be."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from operate.smoke.drawn import drawn_photo
from operate.smoke.messages import Answer, CheckFailedError, Request, form

NEIGHBOURS = 4


@dataclass
class Seen:
    """What earlier answers said, which later requests and checks need.

    Attributes:
        categories, dim: number of categories, length of an embedding.
        image_id, category: an item of the catalogue.
        static: a static file of the page.
    """

    photo: bytes = field(default_factory=drawn_photo)
    categories: int = 0
    dim: int = 0
    image_id: str = ""
    category: str = ""
    static: str = ""


@dataclass(frozen=True)
class Step:
    """A check of one route.

    Attributes:
        route: as in docs/design.md.
        ask: the request.
        judge: takes the answer; returns a short note for people, or raises CheckFailedError.
        statuses: the statuses that are right.
        is_open: whether API Gateway lets everybody call the route, whatever `auth` is.
        needs_release: whether the route answers only when a release is live.
    """

    route: str
    ask: Callable[[Seen], Request]
    judge: Callable[[Answer, Seen], str]
    statuses: tuple[int, ...] = (200,)
    is_open: bool = False
    needs_release: bool = True


def _get(path: str) -> Callable[[Seen], Request]:
    return lambda _: Request("GET", path)


def _photo(path: str) -> Callable[[Seen], Request]:
    return lambda seen: Request("POST", path, seen.photo, "image/jpeg")


def _item(path: str) -> Callable[[Seen], Request]:
    return lambda seen: Request("GET", path.replace("{image_id}", quote(seen.image_id)))


def _words(seen: Seen) -> Request:
    return Request("GET", f"/search?q={quote(seen.category[:200] or 'a')}")


def _json(path: str, body: Callable[[Seen], object]) -> Callable[[Seen], Request]:
    return lambda seen: Request("POST", path, json.dumps(body(seen)).encode(), "application/json")


def _batch(seen: Seen) -> Request:
    body, media_type = form("files", {"first.jpg": seen.photo, "second.jpg": seen.photo})
    return Request("POST", f"/predict/batch?k={NEIGHBOURS}", body, media_type)


def _value(fields: dict[str, Any], name: str, kind: type) -> Any:
    found = fields.get(name)
    if not isinstance(found, kind):
        raise CheckFailedError(f"the answer has no usable {name!r}: {str(found)[:80]!r}")
    return found


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise CheckFailedError(message)


def _text(name: str) -> Callable[[Answer, Seen], str]:
    return lambda answer, _: str(_value(answer.json(), name, str))


def _release(answer: Answer, seen: Seen) -> str:
    fields = answer.json()
    seen.categories = len(_value(fields, "categories", list))
    seen.dim = _value(fields, "embedding_dim", int)
    return f"{_value(fields, 'count', int):,} photos, {seen.categories} categories"


def _category(answer: Answer, seen: Seen) -> str:
    return _category_in(answer.json(), seen)


def _category_in(fields: dict[str, Any], seen: Seen) -> str:
    index = _value(fields, "category_index", int)
    _require(0 <= index < seen.categories, f"category_index is {index}; there are {seen.categories} categories")
    return str(_value(fields, "category", str))


def _embedding(answer: Answer, seen: Seen) -> str:
    return _embedding_in(answer.json(), seen)


def _embedding_in(fields: dict[str, Any], seen: Seen) -> str:
    features, embedding = _value(fields, "features", list), _value(fields, "embedding", list)
    _require(len(features) == seen.categories, f"{len(features)} features for {seen.categories} categories")
    _require(len(embedding) == seen.dim, f"the embedding has {len(embedding)} numbers; the release says {seen.dim}")
    length = math.sqrt(sum(value * value for value in embedding))
    _require(abs(length - 1) < 0.01, f"the embedding has length {length:.3f}; it must be 1")
    return f"{len(embedding)} numbers"


def _similar(answer: Answer, seen: Seen) -> str:
    """Results in the order of their cosines: the request asks for it, because photos rank by category too."""
    fields = answer.json()
    note = _similar_in(fields, seen)
    scores = [result["score"] for result in fields["results"]]
    _require(scores == sorted(scores, reverse=True), f"the results are not in the order of their scores: {scores}")
    return note


def _similar_in(fields: dict[str, Any], seen: Seen) -> str:
    results = _value(fields, "results", list)
    _require(0 < len(results) <= NEIGHBOURS, f"{len(results)} results; it must be 1 to {NEIGHBOURS}")
    seen.image_id, seen.category = results[0]["image_id"], results[0]["category"]
    return f"{len(results)} results, the first with score {results[0]['score']:.3f}"


def _prediction(fields: dict[str, Any], seen: Seen) -> str:
    _embedding_in(fields, seen)
    return f"{_category_in(fields, seen)}; {_similar_in(fields, seen)}"


def _predictions(answer: Answer, seen: Seen) -> str:
    entries = _value(answer.json(), "entries", list)
    _require(len(entries) == 2, f"{len(entries)} entries for 2 photos")
    for entry in entries:
        _require(entry["status"] == 200, f"{entry['filename']}: {entry['status']} {entry.get('error')}")
        _prediction(entry["prediction"], seen)
    return "2 photos"


def _others(answer: Answer, seen: Seen) -> str:
    """Similar items of an item: the catalogue may have none beside it and its product."""
    results = _value(answer.json(), "results", list)
    _require(all(one["image_id"] != seen.image_id for one in results), "the item itself is among the results")
    return f"{len(results)} results"


def _found(answer: Answer, _: Seen) -> str:
    """Items by words: the request asks for those of a category that has one."""
    if answer.status == 501:
        return "none: the release has no index of words"
    results = _value(answer.json(), "results", list)
    _require(bool(results), "no result for the name of a category")
    _require(all(one["score"] is None for one in results), "a result of words has a score")
    return f"{len(results)} results"


def _listed(answer: Answer, _: Seen) -> str:
    """Listings with the same photo: probably none, because the photo is drawn."""
    if answer.status == 501:
        return "none: the release has no fingerprints"
    results = _value(answer.json(), "results", list)
    _require(all(one["same_photo"] is True for one in results), "a result does not show the same photo")
    return f"{len(results)} listings"


def _shown_item(answer: Answer, seen: Seen) -> str:
    found = str(_value(answer.json(), "image_id", str))
    _require(found == seen.image_id, f"asked for {seen.image_id!r}, got {found!r}")
    return found


def _image(answer: Answer, _: Seen) -> str:
    if answer.status != 200:
        place = answer.headers.get("location", "")
        _require(place.startswith(("https://", "http://")), f"the redirect leads to {place[:80]!r}")
        return "a redirect to the photo"
    kind = answer.headers.get("content-type", "")
    _require(kind.startswith("image/"), f"the photo has the media type {kind!r}")
    return f"{len(answer.body):,} bytes"


def _upload(answer: Answer, _: Seen) -> str:
    if answer.status == 501:
        return "none: the store is a folder"
    fields = answer.json()
    _value(fields, "fields", dict)
    return f"up to {_value(fields, 'max_bytes', int):,} bytes"


def _page(answer: Answer, seen: Seen) -> str:
    found = re.search(r'(?:src|href)="(?:\./|/)?(static/[\w./-]+)"', answer.body.decode("utf-8", "replace"))
    if found is None:
        raise CheckFailedError(f"the page names no static file: {answer.start()}")
    seen.static = f"/{found[1]}"
    return f"{len(answer.body):,} bytes"


def _bytes(answer: Answer, _: Seen) -> str:
    _require(bool(answer.body), "the answer is empty")
    return f"{len(answer.body):,} bytes"


def _counted(name: str, kind: type) -> Callable[[Answer, Seen], str]:
    return lambda answer, _: f"{len(_value(answer.json(), name, kind))} {name}"


def _always(
    route: str, ask: Callable[[Seen], Request], judge: Callable[[Answer, Seen], str], *, is_open: bool = True
) -> Step:
    return Step(route, ask, judge, is_open=is_open, needs_release=False)


# In this order: a step may need what an earlier answer said.
STEPS = (
    _always("GET /healthcheck", _get("/healthcheck"), _text("message")),
    _always("GET /readyz", _get("/readyz"), _text("release"), is_open=False),
    Step("GET /release", _get("/release"), _release),
    Step("POST /predict/category", _photo("/predict/category"), _category),
    Step("POST /predict/feature_embedding", _photo("/predict/feature_embedding"), _embedding),
    Step("POST /predict/similar_images", _photo(f"/predict/similar_images?k={NEIGHBOURS}&rank=cosine"), _similar),
    Step("POST /predict", _photo(f"/predict?k={NEIGHBOURS}"), lambda answer, seen: _prediction(answer.json(), seen)),
    Step("POST /predict/duplicates", _photo("/predict/duplicates"), _listed, (200, 501)),
    Step("POST /predict/batch", _batch, _predictions),
    Step("GET /search", _words, _found, (200, 501)),
    Step("GET /items", _get(f"/items?k={NEIGHBOURS}"), _found),
    Step(
        "GET /examples", _get("/examples"), lambda answer, _: f"{len(_value(answer.json(), 'examples', list))} photos"
    ),
    Step("GET /examples/{number}", _get("/examples/0"), _bytes, (200, 404)),
    Step("GET /release/report", _get("/release/report"), _bytes, (200, 404)),
    Step("GET /items/{image_id}", _item("/items/{image_id}"), _shown_item),
    Step("GET /items/{image_id}/similar", _item("/items/{image_id}/similar"), _others),
    Step("POST /recommend", _json("/recommend", lambda seen: {"liked": [seen.image_id]}), _others),
    Step("GET /images/{image_id}", _item("/images/{image_id}"), _image, statuses=(200, 302, 303, 307)),
    Step("POST /uploads", _json("/uploads", lambda _: {"content_type": "image/jpeg"}), _upload, (200, 501)),
    _always("GET /", _get("/"), _page),
    _always("GET /static/{name}", lambda seen: Request("GET", seen.static), _bytes),
    _always("GET /config.json", _get("/config.json"), _text("auth")),
    _always("GET /docs", _get("/docs"), _bytes),
    _always("GET /openapi.json", _get("/openapi.json"), _counted("paths", dict)),
)
