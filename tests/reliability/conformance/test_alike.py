"""The same requests to a service with FAISS and to one with S3 Vectors: statuses, fields and errors are the same."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from reliability.conformance.service.shop import Shop
from reliability.conformance.service.subject import Subject, publish, serving
from tests.reliability.conformance.conftest import serving_s3vectors
from tests.s3vectors.server import S3VectorsServer

ITEM = quote("shop/000 é3")
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", f"/items/{ITEM}", {}),
    ("GET", f"/items/{ITEM}/similar", {}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"k": 100, "distinct": "image"}}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"k": 30, "category": "Lamps", "min_price": 10, "max_price": 100}}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"k": 30, "min_score": 0.6}}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"min_price": 1e7}}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"k": 10, "q": "number58"}}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"k": "many"}}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"category": "Boats"}}),
    ("GET", f"/items/{ITEM}/similar", {"params": {"min_price": "nan"}}),
    ("GET", "/items/no/such", {}),
    ("GET", "/items/no/such/similar", {}),
    ("GET", "/items/" + "x" * 1500, {}),
    ("GET", "/items", {"params": {"k": 20, "after": 131, "category": "Tables"}}),
    ("GET", "/items", {"params": {"after": -1}}),
    ("GET", "/search", {"params": {"q": "xylophone"}}),
    ("GET", "/search", {"params": {"q": "number58"}}),
    ("GET", "/search", {"params": {"q": "?"}}),
    ("GET", "/search", {}),
    ("POST", "/recommend", {"json": {"liked": ["shop/000 é3"], "disliked": ["shop/040 é1"], "k": 50}}),
    ("POST", "/recommend", {"json": {"liked": ["shop/000 é3", "no/such"]}}),
    ("POST", "/recommend", {"json": {"liked": []}}),
    ("POST", "/predict/category", {"files": {"file": "photo"}}),
    ("POST", "/predict/similar_images", {"files": {"file": "photo"}, "params": {"k": 20, "rank": "cosine"}}),
    ("POST", "/predict", {"files": {"file": "photo"}, "params": {"k": 20}}),
    ("POST", "/predict/duplicates", {"files": {"file": "photo"}}),
    ("POST", "/predict", {"files": {"file": b"no photo"}}),
]


@pytest.fixture(scope="module")
def services(
    started_s3vectors: S3VectorsServer, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Subject, Subject]]:
    """With FAISS, and with S3 Vectors."""
    folder = tmp_path_factory.mktemp("services")
    started_s3vectors.reset()
    with ExitStack() as stack:
        faiss = stack.enter_context(serving("flat", shop, publish(shop, folder / "faiss")))
        yield faiss, stack.enter_context(serving_s3vectors(started_s3vectors, shop, folder / "s3vectors"))


def rounded(value: Any) -> Any:
    """An answer whose numbers have four digits, without what may differ.

    That are the id of the request, and the place at which a next page begins: any before its first item is right.
    """
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items() if name not in ("request_id", "next")}
    return value


@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{way} {path[:40]}" for way, path, _ in REQUESTS])
def test_answers_are_the_same(services: tuple[Subject, Subject], number: int):
    method, path, options = REQUESTS[number]
    photo = next(iter(services[0].shop.photos.values()))
    if options.get("files") == {"file": "photo"}:
        options = {**options, "files": {"file": photo}}
    faiss, s3vectors = (one.client.request(method, path, **options) for one in services)
    assert faiss.status_code == s3vectors.status_code
    assert faiss.headers["content-type"] == s3vectors.headers["content-type"]
    assert rounded(s3vectors.json()) == rounded(faiss.json())
    assert (s3vectors.json().get("next") is None) == (faiss.json().get("next") is None)


def test_releases_differ_in_the_type_of_their_index_alone(services: tuple[Subject, Subject]):
    faiss, s3vectors = (one.client.get("/release").json() for one in services)
    differing = {name for name in faiss.keys() | s3vectors.keys() if faiss.get(name) != s3vectors.get(name)}
    assert differing - {"loaded_at", "promoted_at"} == {"index_type"}


def test_the_requests_of_this_test_are_answered_and_refused(services: tuple[Subject, Subject]):
    faiss, _ = services
    statuses = {faiss.client.request(way, path).status_code for way, path, _ in REQUESTS if way == "GET"}
    assert statuses >= {200, 404, 422}
