import json
from datetime import timedelta
from pathlib import Path

import pytest

from lambda_app.errors import RefusedReleaseError, ReleaseError
from lambda_app.promotion.promotion import promote_archive
from lambda_app.promotion.publishing import drop, outcome, publish, reject
from lambda_app.promotion.upkeep import list_releases, prune
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import CatalogEntry, file_entry
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import OBJECTS
from lambda_app.store.folder import FolderStore
from tests.crafted import catalogs
from tests.releases import CREATED_AT, build_release
from tests.s3_server import S3Server

SETTINGS = Settings(store="unused", threads=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def published(tmp_path: Path, store: FolderStore, number: int, **options) -> str:
    folder = tmp_path / f"release{number}"
    manifest = build_release(folder, seed=number, created_at=CREATED_AT + timedelta(hours=number), **options)
    publish(store, write_archive(tmp_path / f"release{number}.tar", manifest, folder), folder, SETTINGS)
    return manifest.release


def test_publish_brings_photos_once_and_goes_live(tmp_path, store):
    folder = tmp_path / "data"
    manifest = build_release(folder)
    (folder / "photos" / "000a.jpg").unlink()
    archive = write_archive(tmp_path / "release.tar", manifest, folder)
    promotion, photos = publish(store, archive, folder, SETTINGS)
    assert promotion.outcome == "live"
    assert (photos.copied, photos.present, photos.missing) == (39, 0, 1)
    assert store.read("datasets/sample/photos/001a.jpg") == (folder / "photos" / "001a.jpg").read_bytes()
    promotion, photos = publish(store, archive, None, SETTINGS)
    assert promotion.outcome == "already live"
    assert (photos.copied, photos.present, photos.missing) == (0, 39, 1)


def test_a_photo_key_outside_of_datasets_is_never_written(tmp_path, store):
    folder = tmp_path / "data"
    manifest = build_release(folder)
    catalogs.photo("releases/evil/photos/000a.jpg")(folder / "catalog.sqlite", {})
    catalog = CatalogEntry(**file_entry(folder / "catalog.sqlite"), count=40)
    archive = write_archive(tmp_path / "release.tar", manifest.model_copy(update={"catalog": catalog}), folder)
    with pytest.raises(ReleaseError, match=r"names photo 'releases/evil/photos/000a.jpg'"):
        publish(store, archive, folder, SETTINGS)
    assert not store.exists("releases/evil/photos/000a.jpg")


def test_a_refusal_is_left_in_the_store_and_removed_by_success(tmp_path, store):
    folder = tmp_path / "data"
    manifest = build_release(folder)
    archive = write_archive(tmp_path / "release.tar", manifest, folder)
    good = archive.read_bytes()
    archive.write_bytes(good[:2000])
    with pytest.raises(ReleaseError, match="tar"):
        publish(store, archive, folder, SETTINGS)
    note = json.loads(store.read("rejected/release.tar.json"))
    assert note["drop"] == "drops/release.tar"
    assert "tar" in note["reason"]
    archive.write_bytes(good)
    publish(store, archive, folder, SETTINGS)
    assert not store.exists("rejected/release.tar.json")


def test_a_missing_photo_folder_is_named(tmp_path, store):
    folder = tmp_path / "data"
    archive = write_archive(tmp_path / "release.tar", build_release(folder), folder)
    with pytest.raises(ReleaseError, match="nowhere"):
        publish(store, archive, tmp_path / "nowhere", SETTINGS)


def test_list_shows_newest_first_with_what_is_live(tmp_path, store):
    assert list_releases(store) == []
    ids = [published(tmp_path, store, number) for number in range(3)]
    rows = list_releases(store)
    assert [row.manifest.release for row in rows] == ids[::-1]
    assert [row.live for row in rows] == [True, False, False]
    assert [row.previous for row in rows] == [False, True, False]
    assert rows[0].figures == {"accuracy": 0.9, "recall@4": 0.9}


def test_prune_keeps_what_is_live_and_its_predecessor(tmp_path, store):
    ids = [published(tmp_path, store, number) for number in range(4)]
    assert prune(store, keep=1) == [ids[1], ids[0]]
    rows = list_releases(store)
    assert [row.manifest.release for row in rows] == [ids[3], ids[2]]
    named = {entry.sha256 for row in rows for entry in row.manifest.files()}
    assert {key.removeprefix(OBJECTS) for key in store.keys(OBJECTS)} == named
    assert prune(store, keep=1) == []


@pytest.fixture
def bucket(tmp_path: Path, s3: S3Server) -> S3Store:
    return s3.store("shop", tmp_path / "cache")


def test_a_drop_into_a_bucket_is_followed_to_live(tmp_path, bucket):
    folder = tmp_path / "data"
    manifest = build_release(folder)
    archive = write_archive(tmp_path / "release.tar", manifest, folder)
    dropped, photos = drop(bucket, archive, folder)
    assert (dropped.key, photos.copied, photos.missing) == ("drops/release.tar", 40, 0)
    assert bucket.read("datasets/sample/photos/001a.jpg") == (folder / "photos" / "001a.jpg").read_bytes()
    assert outcome(bucket, dropped) is None
    promote_archive(bucket, archive, SETTINGS)
    live = outcome(bucket, dropped)
    assert live is not None
    assert live.outcome == "live"
    later = tmp_path / "later"
    newer = build_release(later, seed=1, created_at=CREATED_AT + timedelta(hours=1))
    promote_archive(bucket, write_archive(tmp_path / "later.tar", newer, later), SETTINGS)
    superseded = outcome(bucket, dropped)
    assert superseded is not None
    assert superseded.outcome == "superseded"
    assert newer.release in superseded.detail


def test_a_drop_that_waits_behind_a_live_release_has_no_outcome_yet(tmp_path, bucket):
    first, second = tmp_path / "first", tmp_path / "second"
    old = build_release(first)
    promote_archive(bucket, write_archive(tmp_path / "first.tar", old, first), SETTINGS)
    new = build_release(second, seed=1, created_at=CREATED_AT + timedelta(hours=1))
    dropped, _ = drop(bucket, write_archive(tmp_path / "second.tar", new, second), None)
    assert outcome(bucket, dropped) is None
    bucket.upload(f"releases/{new.release}/manifest.json", second / "manifest.json")
    assert outcome(bucket, dropped) is None


def test_a_refused_drop_is_told_and_an_older_note_is_not_about_it(tmp_path, bucket):
    folder = tmp_path / "data"
    archive = write_archive(tmp_path / "release.tar", build_release(folder), folder)
    reject(bucket, "drops/release.tar", ReleaseError("an older drop"))
    dropped, photos = drop(bucket, archive, None)
    assert photos.missing == 40
    assert outcome(bucket, dropped) is None
    reject(bucket, "drops/release.tar", ReleaseError("it is broken"))
    with pytest.raises(RefusedReleaseError, match=r"drops/release\.tar was refused: it is broken"):
        outcome(bucket, dropped)
