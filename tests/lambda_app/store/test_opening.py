from pathlib import Path

import pytest

from lambda_app.errors import SettingsError
from lambda_app.store.bucket import S3Store
from lambda_app.store.folder import FolderStore
from lambda_app.store.opening import existing_store, open_store


def test_folders_are_opened_by_path_or_file_url(tmp_path: Path):
    for url, root in ((str(tmp_path), tmp_path), (f"file://{tmp_path}/a%20b", tmp_path / "a b")):
        store = open_store(url)
        assert isinstance(store, FolderStore)
        assert store.root == root
    assert str(open_store("var/store")) == str(Path("var/store").absolute())


@pytest.mark.parametrize(("url", "bucket", "prefix"), [("s3://shop", "shop", ""), ("s3://shop/a/b/", "shop", "a/b/")])
def test_buckets_are_opened_by_url(url: str, bucket: str, prefix: str):
    store = open_store(url)
    assert isinstance(store, S3Store)
    assert (store.bucket, store.prefix) == (bucket, prefix)


@pytest.mark.parametrize("key", ["live.json", "objects/x", "releases/x/manifest.json"])
def test_a_folder_that_holds_anything_of_a_release_is_a_store(tmp_path: Path, key: str):
    FolderStore(tmp_path / "store").write(key, b"{}")
    assert isinstance(existing_store(str(tmp_path / "store")), FolderStore)


def test_another_folder_is_no_store_and_stays_as_it_is(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(SettingsError, match=r"photos is not a store: the folder contains no release.*--create"):
        existing_store(str(tmp_path / "photos"))
    with pytest.raises(SettingsError, match=r"mistyped is not a store: the folder does not exist"):
        existing_store(f"file://{tmp_path}/mistyped")
    assert not (tmp_path / "mistyped").exists()
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"file is not a store: it is a file, and a store is a folder"):
        existing_store(str(tmp_path / "file"))


def test_a_bucket_is_a_store():
    assert isinstance(existing_store("s3://shop"), S3Store)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://shop/a//b", "prefix with an empty part"),
        ("s3://shop/../b", "prefix"),
        ("ftp://host/store", "scheme 'ftp'"),
        ("s3://", "names no bucket"),
        ("s3:/shop", "lacks a slash; write s3://"),
    ],
)
def test_another_kind_of_address_is_refused(url: str, says: str):
    with pytest.raises(SettingsError, match=says):
        open_store(url)
