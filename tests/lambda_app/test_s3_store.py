import hashlib
import os
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from lambda_app.errors import (
    MissingObjectError,
    NotSupportedError,
    PhotoTooLargeError,
    PointerConflictError,
    ReleaseError,
    StoreError,
)
from lambda_app.release import FileEntry, Pointer
from lambda_app.s3_store import S3Store
from lambda_app.store import OBJECTS
from tests.releases import CREATED_AT

BUCKET = "lookalike-test"
POINTER = Pointer(
    release="20261101-120000-00000000",
    manifest_sha256="0" * 64,
    promoted_at=CREATED_AT,
    high_water=CREATED_AT,
)


@pytest.fixture(params=["", "some/prefix"])
def store(request, tmp_path: Path, aws_credentials):
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield S3Store(BUCKET, request.param, cache=tmp_path / "cache")


def put(store: S3Store, data: bytes) -> FileEntry:
    entry = FileEntry(file="model.onnx", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    store.write(OBJECTS + entry.sha256, data)
    return entry


def test_what_is_written_is_read(store, tmp_path):
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


def test_what_is_absent_is_named(store, tmp_path):
    with pytest.raises(MissingObjectError, match="holds no objects/x"):
        store.read("objects/x")
    with pytest.raises(MissingObjectError, match="holds no objects/x"):
        store.download("objects/x", tmp_path / "x")
    with pytest.raises(MissingObjectError):
        store.local_file(FileEntry(file="model.onnx", sha256="0" * 64, bytes=10))
    with pytest.raises(MissingObjectError):
        store.read_pointer()


def test_write_once_keeps_what_is_there(store):
    assert store.write_new("releases/x/manifest.json", b"first") is True
    assert store.write_new("releases/x/manifest.json", b"second") is False
    assert store.read("releases/x/manifest.json") == b"first"


def test_a_file_is_fetched_once_and_verified(store):
    data = os.urandom(5_000_000)
    entry = put(store, data)
    path = store.local_file(entry)
    assert path.read_bytes() == data
    store.delete(OBJECTS + entry.sha256)
    assert store.local_file(entry) == path


def test_an_object_that_is_not_what_its_name_says_is_refused(store):
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


def test_the_pointer_is_read_only_when_it_moved(store):
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


def test_a_pointer_that_is_gone_is_a_conflict(store):
    with pytest.raises(PointerConflictError):
        store.write_pointer(POINTER, '"0123"')


def test_a_damaged_pointer_is_named(store):
    store.write("live.json", b"{")
    with pytest.raises(StoreError, match=r"live\.json .* is damaged"):
        store.read_pointer()


@pytest.mark.parametrize(("code", "status"), [("ConditionalRequestConflict", 409), ("PreconditionFailed", 412)])
def test_a_concurrent_conditional_write_is_a_conflict(aws_credentials, code, status):
    client = boto3.client("s3")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", code, http_status_code=status)
        with pytest.raises(PointerConflictError):
            S3Store(BUCKET, client=client).write_pointer(POINTER, None)


@pytest.mark.parametrize("call", ["read", "exists", "delete"])
def test_a_refusal_names_key_and_store(aws_credentials, call):
    client = boto3.client("s3")
    operation = {"read": "get_object", "exists": "head_object", "delete": "delete_object"}[call]
    with Stubber(client) as stubber:
        stubber.add_client_error(operation, "AccessDenied", http_status_code=403)
        with pytest.raises(StoreError, match=rf"live\.json of s3://{BUCKET}: .*AccessDenied") as caught:
            getattr(S3Store(BUCKET, client=client), call)("live.json")
    assert isinstance(caught.value.__cause__, ClientError)


def test_other_refusals_of_the_pointer_are_passed_on(aws_credentials):
    client = boto3.client("s3")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "AccessDenied", http_status_code=403)
        stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
        with pytest.raises(StoreError, match="AccessDenied"):
            S3Store(BUCKET, client=client).write_pointer(POINTER, None)
        with pytest.raises(StoreError, match="AccessDenied"):
            S3Store(BUCKET, client=client).read_pointer()


def test_a_network_that_is_away_is_a_store_error():
    class Away:
        def get_object(self, **_):
            raise EndpointConnectionError(endpoint_url="https://s3.invalid")

    with pytest.raises(StoreError, match="Could not connect"):
        S3Store(BUCKET, client=Away()).read("live.json")


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
def test_only_uploads_are_read_as_uploads(store, key):
    store.write("live.json", b"{}")
    with pytest.raises(MissingObjectError, match="is no upload"):
        store.read_upload(key, 1000)


def test_another_type_of_upload_is_refused(store):
    with pytest.raises(NotSupportedError, match="text/html"):
        store.upload_ticket("text/html", 1000)


def test_photos_are_reached_by_presigned_url(store):
    url = store.photo_url("datasets/sample/photos/a b.jpg")
    assert "datasets/sample/photos/a%20b.jpg" in url
    assert "X-Amz-Expires=300" in url
    assert store.photo_path("datasets/sample/photos/a b.jpg") is None
