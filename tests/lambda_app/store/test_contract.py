"""What a folder and a bucket promise alike."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lambda_app.errors import ConflictError, MissingObjectError, StoreError
from lambda_app.store.contract import POINTER, Store, Versioned
from lambda_app.store.folder import FolderStore
from tests.s3_server import S3Server


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> Store:
    return FolderStore(tmp_path / "store") if request.param == "folder" else s3.store("shop", tmp_path / "cache")


def test_keys_come_with_the_time_of_their_last_write(store: Store, tmp_path: Path):
    (tmp_path / "old").write_bytes(b"x")
    os.utime(tmp_path / "old", (0, 0))
    before = datetime.now(UTC) - timedelta(seconds=1)  # S3 keeps whole seconds
    store.write("objects/b", b"x")
    store.upload("objects/a", tmp_path / "old")
    found = dict(store.times("objects/"))
    assert list(found) == list(store.keys("objects/")) == ["objects/a", "objects/b"]
    assert all(before <= moment <= datetime.now(UTC) for moment in found.values())
    assert list(store.times("nothing/")) == []


def test_the_keys_after_a_key_are_those_of_its_folder_that_sort_after_it(store: Store):
    for key in ("changes/01.jsonl", "changes/02.jsonl", "changes/03.jsonl", "drops/x.tar"):
        store.write(key, b"x")
    assert list(store.keys_after("changes/01.jsonl")) == ["changes/02.jsonl", "changes/03.jsonl"]
    assert list(store.keys_after("changes/00")) == ["changes/01.jsonl", "changes/02.jsonl", "changes/03.jsonl"]
    assert list(store.keys_after("changes/03.jsonl")) == []
    assert list(store.keys_after("nothing/1")) == []


def test_an_object_is_replaced_only_if_its_version_is_unchanged(store: Store):
    with pytest.raises(MissingObjectError):
        store.read_versioned("blocked.json")
    store.replace("blocked.json", b"one", None)
    with pytest.raises(ConflictError, match=r"blocked\.json .* has changed since"):
        store.replace("blocked.json", b"two", None)
    first = store.read_versioned("blocked.json")
    assert isinstance(first, Versioned)
    assert first.data == b"one"
    assert store.read_versioned("blocked.json", unless=first.version) is None
    store.replace("blocked.json", b"two", first.version)
    with pytest.raises(ConflictError):
        store.replace("blocked.json", b"three", first.version)
    assert store.read("blocked.json") == b"two"


@pytest.mark.parametrize("data", [b"", b"{}", b'{"release": "x"}'])
def test_a_damaged_pointer_is_an_error(store: Store, data: bytes):
    store.write(POINTER, data)
    with pytest.raises(StoreError, match=r"live.json of .* is damaged"):
        store.read_pointer()
