"""The client has a function for each route, and the service understands all of them."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from client.api import LookalikeClient
from client.errors import ClientError
from client.photos import Uploaded, media_type
from lambda_app.store.folder import FolderStore
from tests.client.conftest import run
from tests.client.scripted import Scripted, Written
from tests.releases import CATEGORIES, build_release, publish_directly

TICKET = {
    "url": "https://bucket.example/",
    "fields": {"key": "uploads/1", "policy": "p"},
    "key": "uploads/1",
    "expires_at": "2026-11-26T12:00:00Z",
    "max_bytes": 20_000_000,
}
FOUND: dict[str, list[Any]] = {"similar_index": [], "image_labels": [], "results": []}


@pytest.fixture(scope="module")
def writable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service whose catalogue may be changed, and whose photos have fingerprints."""
    folder, root = tmp_path_factory.mktemp("release"), tmp_path_factory.mktemp("store")
    publish_directly(FolderStore(root), folder, build_release(folder, printed=True, referenced=True))
    yield from run(FolderStore(root), root, catalogue_writes="open")


@pytest.fixture
def client(writable: str) -> Iterator[LookalikeClient]:
    with LookalikeClient(writable, retries=0) as client:
        yield client


def scripted(*answers: Written) -> tuple[LookalikeClient, Scripted, list[float]]:
    """A client whose requests get these answers in turn, what was sent, and how long the client has waited."""
    adapter, waited = Scripted(list(answers)), list[float]()
    session = requests.Session()
    session.mount("https://", adapter)
    return LookalikeClient("https://api.example", session, sleep=waited.append), adapter, waited


def test_every_route_of_the_document_is_called(client: LookalikeClient, served, writable: str, monkeypatch):
    called = set()
    original = requests.Session.request

    def noting(self, method, url, **request):
        called.add((method, url.removeprefix(writable)))
        return original(self, method, url, **request)

    monkeypatch.setattr(requests.Session, "request", noting)
    photo = served.photos["003a"]
    assert client.healthcheck()
    assert client.ready().release == client.release().release
    assert tuple(client.release().categories) == CATEGORIES
    assert client.category(photo, k=1).category in CATEGORIES
    assert len(client.feature_embedding(photo).features) == len(CATEGORIES)
    assert (
        client.similar_images([photo, served.photos["003b"]], k=3, rank="cosine").results[0].product_id == "product-003"
    )
    assert client.predict(photo.read_bytes(), k=2, box="0,0,1,1", q="listing").results
    assert client.duplicates(photo).results[0].same_photo is True
    entries = client.batch([photo, b"no photo"], k=1).entries
    assert [entry.status for entry in entries] == [200, 415]
    assert entries[1].error is not None
    assert entries[1].error.title == "Unsupported Media Type"
    item = client.item("003a")
    assert (item.title, item.description) == ("Listing 3", "Solid oak, hardly used")
    assert client.photo(item) == client.image("003a") == photo.read_bytes()
    page = client.browse(k=2)
    assert [listing.image_id for listing in page.results] != [
        listing.image_id for listing in client.browse(page.next, k=2).results
    ]
    shown = client.examples()
    assert client.example(1) == client.photo(shown[1])
    with pytest.raises(ClientError, match="/release/report answered 404"):
        client.report()
    assert client.similar_items("003a", q="oak", k=2).results
    assert client.search("solid oak", k=2).results[0].score is None
    assert client.recommend(["003a"], ["005a"], k=2).results
    assert client.change_items([{"op": "update", "image_id": "003a", "set": {"price": 3}}]).changes == 1
    fields = {"product_id": "p", "category": CATEGORIES[0], "title": "Näw"}
    assert client.put_item("new/1", fields, photo).entry > 1
    assert client.delete_item("new/1").changes == 1
    with pytest.raises(ClientError, match="takes no uploads") as refused:
        client.upload(photo)
    assert refused.value.status == 501

    paths = requests.get(f"{writable}/openapi.json", timeout=10).json()["paths"]
    documented = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    for method, path in documented:
        pattern = re.compile(re.sub(r"\{\w+\}", ".+", path))
        assert any(method == used and pattern.fullmatch(place) for used, place in called), (method, path)


def test_an_error_has_what_the_service_says(client: LookalikeClient):
    with pytest.raises(ClientError) as refused:
        client.item("no where?")
    assert refused.value.status == 404
    assert refused.value.detail.endswith("has no item 'no where?'")
    assert re.fullmatch(r"[0-9a-f-]{36}", refused.value.request_id or "")


def test_a_busy_service_is_asked_again_after_the_seconds_that_it_names():
    client, sent, waited = scripted(
        (503, {"detail": "busy"}, {"Retry-After": "5"}),
        (429, {"message": "Too Many Requests"}, {}),
        (503, {"detail": "busy"}, {"Retry-After": "3600"}),
        (200, {"message": "up"}, {}),
    )
    assert client.healthcheck() == "up"
    assert waited == [5, 2, 30]
    assert len(sent.requests) == 4


def test_the_last_try_is_an_error_and_other_errors_are_not_tried_again():
    client, sent, waited = scripted(*[(503, {"detail": "busy"}, {"Retry-After": "1"})] * 4)
    with pytest.raises(ClientError, match="answered 503: busy"):
        client.healthcheck()
    assert (len(sent.requests), waited) == (4, [1, 1, 1])
    client, sent, waited = scripted((500, {"detail": "broken"}, {}))
    with pytest.raises(ClientError, match="answered 500: broken"):
        client.healthcheck()
    assert waited == []


def test_a_change_that_is_sent_again_has_the_same_key():
    accepted: Written = (202, {"entry": 1, "changes": 1}, {})
    client, sent, _ = scripted((503, {}, {"Retry-After": "0"}), accepted, accepted)
    client.change_items([{"op": "remove", "image_id": "1"}])
    client.delete_item("1")
    first, again, other = [request.headers["Idempotency-Key"] for request in sent.requests]
    assert first == again != other


def test_a_large_photo_is_uploaded_by_a_form_and_then_named():
    photo = b"\xff\xd8\xff" + bytes(4_000_000)
    client, sent, _ = scripted((200, TICKET, {}), (204, "", {}), (200, FOUND, {}))
    client.similar_images(photo, k=2)
    asked, uploaded, searched = sent.requests
    assert json.loads(asked.body) == {"content_type": "image/jpeg"}
    assert uploaded.url == TICKET["url"]
    fields = re.findall(rb' name="(\w+)"', uploaded.body)
    assert fields == [b"key", b"policy", b"file"]  # S3 ignores what follows the file
    assert searched.url == "https://api.example/predict/similar_images?k=2"
    assert json.loads(searched.body) == {"upload": "uploads/1"}


def test_several_uploads_are_one_query():
    client, sent, _ = scripted((200, FOUND, {}))
    client.similar_images([Uploaded("uploads/1"), Uploaded("uploads/2")])
    assert json.loads(sent.requests[0].body) == {"uploads": ["uploads/1", "uploads/2"]}
    with pytest.raises(ClientError, match="but not both"):
        client.similar_images([Uploaded("uploads/1"), b"photo"])


def test_a_service_without_uploads_gets_a_large_photo_directly():
    client, sent, _ = scripted((501, {"detail": "no uploads"}, {}), (200, FOUND, {}))
    client.similar_images(b"\xff\xd8\xff" + bytes(4_000_000))
    assert b'name="file"' in sent.requests[1].body[:200]


def test_a_photo_over_the_limit_of_uploads_is_not_sent():
    client, sent, _ = scripted((200, {**TICKET, "max_bytes": 10}, {}))
    with pytest.raises(ClientError, match="the limit of an upload is 10"):
        client.upload(b"\xff\xd8\xff" + bytes(8))
    assert len(sent.requests) == 1


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_media_type_of_an_upload_is_that_of_its_bytes(name: str):
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, name)
    assert media_type(out.getvalue()) == f"image/{name.lower()}"


def test_what_is_no_photo_is_not_uploaded():
    with pytest.raises(ClientError, match="not a JPEG, PNG, WebP or AVIF"):
        media_type(b"%PDF-1.7 and so on")


def test_a_client_closes_its_own_session_and_no_other(monkeypatch, tmp_path: Path):
    closed: list[requests.Session] = []
    monkeypatch.setattr(requests.Session, "close", lambda session: closed.append(session))
    given = requests.Session()
    with LookalikeClient("https://api.example", given):
        pass
    assert closed == []
    with LookalikeClient("https://api.example"):
        pass
    assert len(closed) == 1
