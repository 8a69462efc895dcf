"""What a folder and a bucket promise alike."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lambda_app.store.contract import Store
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
