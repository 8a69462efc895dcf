"""The routes' share of a store that gives addresses, as a bucket does; the bucket itself has tests of its own."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import PARALLEL_FETCHES, create_app
from lambda_app.api.messages import schemas
from lambda_app.errors import MissingObjectError, PhotoTooLargeError
from lambda_app.settings import Settings
from lambda_app.store.contract import UploadTicket
from lambda_app.store.folder import FolderStore
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import publish_directly

EXPIRES = datetime(2026, 11, 1, 12, 5, tzinfo=UTC)


class AddressingStore(FolderStore):
    """A folder that gives addresses and takes uploads."""

    takes_uploads = True

    def photo_url(self, key: str) -> str | None:
        return f"https://photos.example/{key}?signature=1"

    def upload_ticket(self, content_type: str, max_bytes: int) -> UploadTicket:
        return UploadTicket("https://bucket.example", {"Content-Type": content_type}, "uploads/1", EXPIRES, max_bytes)

    def read_upload(self, key: str, max_bytes: int) -> bytes:
        if not self.exists(key):
            raise MissingObjectError(f"no upload {key!r}")
        data = self.read(key)
        if len(data) > max_bytes:
            raise PhotoTooLargeError(f"{key} has {len(data)} bytes; the limit of an upload is {max_bytes}")
        return data


@pytest.fixture
def bucket(tmp_path: Path, built: BuiltRelease) -> AddressingStore:
    bucket = AddressingStore(tmp_path)
    publish_directly(bucket, built.folder, built.manifest)
    return bucket


@pytest.fixture
def client(bucket: AddressingStore) -> TestClient:
    settings = Settings(store=str(bucket), threads=1, max_body_bytes=2000, max_upload_bytes=10_000)
    return TestClient(create_app(settings, bucket), follow_redirects=False)


def test_a_photo_can_be_sent_ahead(client: TestClient, bucket: AddressingStore, photo: bytes):
    answer = client.post("/uploads", json={"content_type": "image/jpeg"})
    ticket = schemas.UploadAnswer.model_validate(answer.json())
    assert (ticket.key, ticket.expires_at, ticket.max_bytes) == ("uploads/1", EXPIRES, 10_000)
    assert client.post("/predict/similar_images", json={"upload": ticket.key}).status_code == 404
    bucket.write(ticket.key, photo + bytes(5000))  # too large for a direct body
    similar = client.post("/predict/similar_images", json={"upload": ticket.key})
    assert similar.json()["image_labels"][0] == "003a"
    bucket.write(ticket.key, bytes(10_001))
    assert client.post("/predict", json={"upload": ticket.key}).status_code == 413


@pytest.mark.parametrize("content_type", ["text/html", "image/gif", "", "x" * 500])
def test_an_upload_of_what_no_photo_is_is_refused(client: TestClient, content_type: str):
    answer = client.post("/uploads", json={"content_type": content_type})
    assert answer.status_code == 415
    assert answer.json()["detail"].endswith("it takes image/avif, image/jpeg, image/png, image/webp")
    assert len(answer.json()["detail"]) < 200


def test_photos_are_fetched_where_the_store_says(client: TestClient):
    address = "https://photos.example/datasets/sample/photos/003a.jpg?signature=1"
    assert client.get("/items/003a").json()["photo"] == address
    answer = client.get("/images/003a")
    assert (answer.status_code, answer.headers["location"]) == (307, address)
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert client.get("/items/003b/similar").json()["results"][0]["photo"].startswith("https://photos.example/")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_uploads_that_the_store_does_not_return_hold_up_nothing_else(
    bucket: AddressingStore, photo: bytes, anyio_backend: str
):
    go = threading.Event()

    class HangingStore(AddressingStore):
        def read_upload(self, key: str, max_bytes: int) -> bytes:
            assert go.wait(60)
            return photo

    # Both queues have the same limit, so that the uploads which come back find room for their work.
    settings = Settings(store=str(bucket), threads=1, parallel_requests=PARALLEL_FETCHES, queued_requests=50)
    app = create_app(settings, HangingStore(bucket.root))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/readyz")).status_code == 200
        sent = [
            asyncio.create_task(client.post("/predict/category", json={"upload": "uploads/1"}, timeout=None))
            for _ in range(70)
        ]
        while sum(task.done() for task in sent) < 70 - 50 - PARALLEL_FETCHES:
            await asyncio.sleep(0.001)
        for path in ("/readyz", "/", "/items/003a/similar"):
            assert (await asyncio.wait_for(client.get(path), 30)).status_code == 200
        go.set()
        answers = [await task for task in sent]
    assert sorted(answer.status_code for answer in answers) == [200] * (50 + PARALLEL_FETCHES) + [503] * 12
    assert {answer.headers["retry-after"] for answer in answers if answer.status_code == 503} == {"1"}


def test_several_photos_of_the_same_thing_can_be_sent_ahead(
    client: TestClient, bucket: AddressingStore, built: BuiltRelease
):
    photos = [built.photo(name) for name in ("003a", "003b")]
    for number, photo in enumerate(photos):
        bucket.write(f"uploads/{number}", photo)
    keys = ["uploads/0", "uploads/1"]
    direct = TestClient(create_app(Settings(store=str(bucket), threads=1), bucket))
    expected = direct.post("/predict", files=[("file", photo) for photo in photos]).json()
    assert client.post("/predict", json={"uploads": keys}).json() == expected
    alone = client.post("/predict/similar_images", json={"uploads": keys[1:]}).json()
    assert alone == client.post("/predict/similar_images", json={"upload": keys[1]}).json()
    missing = client.post("/predict", json={"uploads": ["uploads/0", "uploads/9"]})
    assert (missing.status_code, missing.json()["detail"]) == (404, "no upload 'uploads/9'")


def test_uploads_of_one_request_share_the_limit_of_an_upload(client: TestClient, bucket: AddressingStore, photo: bytes):
    bucket.write("uploads/1", photo + bytes(6000 - len(photo)))
    bucket.write("uploads/2", photo + bytes(4000 - len(photo)))
    assert client.post("/predict", json={"uploads": ["uploads/1", "uploads/2"]}).status_code == 200
    bucket.write("uploads/2", photo + bytes(4001 - len(photo)))
    answer = client.post("/predict", json={"uploads": ["uploads/1", "uploads/2"]})
    assert answer.status_code == 413
    assert answer.json()["detail"] == (
        "uploads/2 has more than 4,000 bytes, which the uploads before it leave; the limit of uploads in one request "
        "is 10,000"
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"uploads": []}, "uploads is []"),
        ({"uploads": ["uploads/1"] * 5}, "at most 4 items"),
        ({"uploads": [1]}, "uploads.0 is 1"),
        ({"upload": None}, "upload is None"),
        ({}, "either upload, a key, or uploads, a list of keys"),
        ({"upload": "uploads/1", "uploads": ["uploads/1"]}, "either upload, a key, or uploads, a list of keys"),
    ],
)
def test_keys_that_are_none_are_refused(client: TestClient, body: dict[str, object], says: str):
    answer = client.post("/predict", json=body)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_the_single_steps_take_one_upload(client: TestClient, bucket: AddressingStore, photo: bytes):
    bucket.write("uploads/1", photo)
    assert client.post("/predict/category", json={"upload": "uploads/1"}).status_code == 200
    answer = client.post("/predict/category", json={"uploads": ["uploads/1"]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "'uploads' is not a field of the body (did you mean upload?); it takes upload"


def test_a_body_that_is_too_large_names_uploads_where_the_store_takes_them(client: TestClient, bucket: AddressingStore):
    headers = {"Content-Type": "image/jpeg"}
    large = client.post("/predict", content=bytes(2001), headers=headers)
    assert large.status_code == 413
    assert large.json()["detail"].endswith("Make the photo smaller, or send it by POST /uploads")
    settings = Settings(store=str(bucket), threads=1, max_body_bytes=2000)
    folder = TestClient(create_app(settings, FolderStore(bucket.root)))
    assert folder.post("/predict", content=bytes(2001), headers=headers).json()["detail"].endswith("photo smaller")
