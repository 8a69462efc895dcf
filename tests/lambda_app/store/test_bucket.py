import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from obstore.exceptions import BaseError

from lambda_app.errors import (
    MissingObjectError,
    PhotoTooLargeError,
    PointerConflictError,
    ReleaseError,
    StoreError,
)
from lambda_app.release.manifest import FileEntry, Pointer
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import OBJECTS
from tests.lambda_events import BUCKET
from tests.releases import CREATED_AT
from tests.waiting import until

POINTER = Pointer(
    release="20261101-120000-00000000",
    manifest_sha256="0" * 64,
    promoted_at=CREATED_AT,
    high_water=CREATED_AT,
)


@pytest.fixture(params=["", "some/prefix"])
def store(request, tmp_path: Path, s3) -> S3Store:
    return s3.store(request.param, tmp_path / "cache")


def put(store: S3Store, data: bytes) -> FileEntry:
    entry = FileEntry(file="model.onnx", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    store.write(OBJECTS + entry.sha256, data)
    return entry


def test_written_objects_can_be_read(store, tmp_path):
    store.write("objects/a", b"1")
    (tmp_path / "file").write_bytes(b"2" * 9_000_000)
    store.upload("objects/b", tmp_path / "file")
    assert store.read("objects/a") == b"1"
    assert store.read("objects/b") == b"2" * 9_000_000
    assert list(store.keys("objects/")) == ["objects/a", "objects/b"]
    store.download("objects/b", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"2" * 9_000_000
    store.delete("objects/a")
    store.delete("objects/a")
    assert not store.exists("objects/a")
    assert store.exists("objects/b")


def test_a_missing_object_is_named_in_the_error(store, tmp_path):
    with pytest.raises(MissingObjectError, match="holds no objects/x"):
        store.read("objects/x")
    with pytest.raises(MissingObjectError, match="holds no objects/x"):
        store.download("objects/x", tmp_path / "x")
    with pytest.raises(MissingObjectError):
        store.local_file(FileEntry(file="model.onnx", sha256="0" * 64, bytes=10))
    with pytest.raises(MissingObjectError):
        store.read_pointer()


def test_a_file_is_fetched_once_and_verified(store):
    data = os.urandom(5_000_000)
    entry = put(store, data)
    path = store.local_file(entry)
    assert path.read_bytes() == data
    store.delete(OBJECTS + entry.sha256)
    assert store.local_file(entry) == path


def test_an_object_that_does_not_match_its_checksum_is_refused(store):
    entry = put(store, b"0123456789")
    store.write(OBJECTS + entry.sha256, b"0123456780")
    with pytest.raises(ReleaseError, match="has sha256"):
        store.local_file(entry)


def test_only_the_named_files_stay_in_the_cache(store):
    old, kept = put(store, b"old"), put(store, b"kept")
    open_file = store.local_file(old).open("rb")
    store.local_file(kept)
    store.keep_local([kept])
    assert [path.name for path in store.cache.iterdir()] == [kept.sha256]
    with open_file:
        assert open_file.read() == b"old"
    assert store.local_file(old).read_bytes() == b"old"


def test_the_pointer_is_downloaded_only_after_a_change(store):
    store.write_pointer(POINTER, None)
    live = store.read_pointer()
    assert live.pointer == POINTER
    assert store.read_pointer(unless=live.version) is None
    moved = POINTER.model_copy(update={"high_water": CREATED_AT + timedelta(days=1)})
    store.write_pointer(moved, live.version)
    assert store.read_pointer(unless=live.version).pointer == moved


def test_a_stale_pointer_write_is_refused(store):
    store.write_pointer(POINTER, None)
    first = store.read_pointer().version
    with pytest.raises(PointerConflictError):
        store.write_pointer(POINTER, None)
    store.write_pointer(POINTER.model_copy(update={"previous": "another-release"}), first)
    with pytest.raises(PointerConflictError):
        store.write_pointer(POINTER, first)


def test_a_write_to_a_deleted_pointer_is_a_conflict(store):
    with pytest.raises(PointerConflictError):
        store.write_pointer(POINTER, '"0123"')


def test_a_damaged_pointer_is_named_in_the_error(store):
    store.write("live.json", b"{")
    with pytest.raises(StoreError, match=r"live\.json .* is damaged"):
        store.read_pointer()


@pytest.mark.parametrize(("status", "code"), [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed")])
def test_a_concurrent_conditional_write_is_a_conflict(s3, store, status, code):
    with s3.refusing(status, code), pytest.raises(PointerConflictError):
        store.write_pointer(POINTER, None)


@pytest.mark.parametrize("call", ["read", "delete", "photo"])
@pytest.mark.parametrize("prefix", ["", "shop"])
def test_an_error_of_s3_names_key_and_store(s3, tmp_path, prefix, call):
    store = s3.store(prefix, tmp_path)
    calls = {"read": store.read, "delete": store.delete, "photo": lambda key: store.upload(key, tmp_path / "photo")}
    (tmp_path / "photo").write_bytes(b"1")
    with (
        s3.refusing(403, "AccessDenied"),
        pytest.raises(StoreError, match=rf"live\.json of {store}: .*AccessDenied") as caught,
    ):
        calls[call]("live.json")
    assert isinstance(caught.value.__cause__, BaseError)
    assert "\n" not in str(caught.value)


def test_access_denied_is_an_error_and_not_a_missing_object(s3, store):
    with s3.refusing(403, "AccessDenied"), pytest.raises(StoreError, match=r"live\.json of s3://.*403"):
        store.exists("live.json")


def test_other_errors_of_the_pointer_are_store_errors(s3, store):
    with s3.refusing(403, "AccessDenied"):
        with pytest.raises(StoreError, match="AccessDenied"):
            store.write_pointer(POINTER, None)
        with pytest.raises(StoreError, match="AccessDenied"):
            store.read_pointer()


def test_a_missing_bucket_is_not_a_missing_object(s3, store):
    requests.delete(f"{s3.url}/{BUCKET}", timeout=10).raise_for_status()
    for call in (store.read, lambda key: list(store.keys(f"{key}/"))):
        with pytest.raises(StoreError, match="NoSuchBucket") as caught:
            call("objects")
        assert type(caught.value) is StoreError


def test_an_unreachable_network_is_a_store_error():
    away = S3Store(BUCKET, config={"endpoint": "http://127.0.0.1:1", "access_key_id": "a", "secret_access_key": "b"})
    with pytest.raises(StoreError, match=r"live\.json of s3://.*after 1 retries.*Connect"):
        away.read_pointer(unless='"0123"')


@pytest.mark.parametrize("key", ["objects//x", "../x", "objects/./x"])
def test_an_invalid_key_is_named_in_the_error(store, key):
    with pytest.raises(StoreError, match=key):
        store.write(key, b"")


def test_keys_may_contain_any_characters(store):
    keys = [f"datasets/a/photos/{name}.jpg" for name in ("a b", "a%20b", "ä+&=#?")]
    for key in keys:
        store.write(key, key.encode())
    assert list(store.keys("datasets/a/")) == keys
    assert [store.read(key).decode() for key in keys] == keys


def test_a_folder_created_in_the_s3_console_is_not_listed_as_a_key(s3, store):
    requests.put(f"{s3.url}/{BUCKET}/{store.prefix}objects/", timeout=10).raise_for_status()
    store.write("objects/a", b"1")
    store.write("objects-of-another", b"1")
    assert list(store.keys("objects/")) == ["objects/a"]


def test_a_small_file_is_uploaded_in_one_request(s3, store, tmp_path):
    (tmp_path / "small").write_bytes(b"1")
    (tmp_path / "empty").write_bytes(b"")
    s3.requests.clear()
    store.upload("objects/small", tmp_path / "small")
    store.upload("objects/empty", tmp_path / "empty")
    assert [request.method for request in s3.requests] == ["PUT", "PUT"]
    assert (store.read("objects/small"), store.read("objects/empty")) == (b"1", b"")


def test_an_interrupted_download_resumes_where_it_stopped(s3, store, tmp_path):
    data = os.urandom(3_000_000)
    store.write("drops/release.tar", data)
    with s3.holding(lambda request: request.method == "GET") as held:
        with ThreadPoolExecutor(1) as pool:
            copied = pool.submit(store.download, "drops/release.tar", tmp_path / "copy")
            until(lambda: held.requests, "half of the answer")
            held.cut()
        copied.result()
    assert (tmp_path / "copy").read_bytes() == data
    assert [request.range for request in s3.requests[-2:]] == [None, f"bytes={len(data) // 2}-{len(data) - 1}"]


def test_a_failed_download_leaves_no_file(s3, store, tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    with s3.refusing(403, "AccessDenied"), pytest.raises(StoreError):
        store.download("drops/release.tar", folder / "copy")
    assert list(folder.iterdir()) == []


def test_an_upload_ticket_names_its_key_type_and_limit(store):
    ticket = store.upload_ticket("image/png", 1000)
    assert ticket.key.startswith("uploads/")
    assert ticket.fields["key"] == store.prefix + ticket.key
    assert ticket.fields["Content-Type"] == "image/png"
    assert BUCKET in ticket.url
    store.write(ticket.key, b"x" * 1000)
    assert store.read_upload(ticket.key, 1000) == b"x" * 1000
    store.write(ticket.key, b"x" * 1001)
    with pytest.raises(PhotoTooLargeError, match="1,001 bytes; the limit of an upload is 1,000"):
        store.read_upload(ticket.key, 1000)


@pytest.mark.parametrize("key", ["live.json", "uploads/", "uploads/../live.json", "datasets/a/photos/b.jpg"])
def test_only_keys_of_uploads_can_be_read_as_uploads(store, key):
    store.write("live.json", b"{}")
    with pytest.raises(MissingObjectError, match="is not an upload"):
        store.read_upload(key, 1000)


def test_photos_have_presigned_urls(store):
    url = store.photo_url("datasets/sample/photos/a b.jpg")
    assert "datasets/sample/photos/a%20b.jpg" in url
    assert "X-Amz-Expires=300" in url
    assert store.photo_path("datasets/sample/photos/a b.jpg") is None


@pytest.mark.parametrize("key", ["live.json", "objects/00", "datasets/sample/../../live.json"])
def test_what_is_no_photo_gets_no_presigned_url(store, key):
    assert store.photo_url(key) is None


def test_a_presigned_photo_can_be_fetched_and_signing_sends_no_request(s3, store):
    store.write("datasets/sample/photos/a b.jpg", b"photo")
    s3.requests.clear()
    url = store.photo_url("datasets/sample/photos/a b.jpg")
    assert s3.requests == []
    assert requests.get(url, timeout=10).content == b"photo"
