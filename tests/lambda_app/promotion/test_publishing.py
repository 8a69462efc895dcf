import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from lambda_app.errors import RefusedReleaseError, ReleaseError
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import promote_archive, promote_stored
from lambda_app.promotion.publishing import drop, outcome, publish, reject
from lambda_app.promotion.stored import manifest_key
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import CatalogEntry, file_entry
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from lambda_app.store.folder import FolderStore
from tests.archives import with_a_flipped_byte
from tests.catalogue_changes import logged, removed
from tests.crafted import catalogs
from tests.releases import CREATED_AT, build_release, publish_directly
from tests.s3_server import S3Server

SETTINGS = Settings(store="unused", threads=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


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
    with_a_flipped_byte(archive).replace(archive)
    with pytest.raises(ReleaseError, match="sha256"):
        publish(store, archive, folder, SETTINGS)
    note = json.loads(store.read("rejected/release.tar.json"))
    assert note["drop"] == "drops/release.tar"
    assert "index.faiss has sha256" in note["reason"]
    archive.write_bytes(good)
    publish(store, archive, folder, SETTINGS)
    assert not store.exists("rejected/release.tar.json")


def test_force_belongs_to_one_publish_and_not_to_the_archive(tmp_path, store):
    for number, accuracy in enumerate((0.9, 0.1)):
        folder, moment = tmp_path / str(number), CREATED_AT + timedelta(hours=number)
        archive = write_archive(
            tmp_path / f"{number}.tar", build_release(folder, created_at=moment, accuracy=accuracy), folder
        )
        if number == 1:
            with pytest.raises(ReleaseError, match="below the floor"):
                publish(store, archive, folder, SETTINGS)
        promotion, _ = publish(store, archive, folder, SETTINGS, force=number == 1)
    assert "forced past the floor: accuracy 0.100 against 0.900" in promotion.detail
    assert [bool(row.forced) for row in list_releases(store)] == [True, False]
    assert not json.loads(store.read(manifest_key(promotion.release))).get("force")


MISTYPED = [
    "release.zip",
    "release.TAR",
    "release.tar.GZ",
    "release",
    "release.tar.bz2",
    "output.tar.gz",
    ".tar",
    ".tgz",
]


@pytest.mark.parametrize(
    "name", [*MISTYPED, "a\nb.tar", "missing.tar", "folder.tar", "text.tar", "cut.tar.gz", "photos.tar"]
)
def test_a_slip_of_the_hand_is_refused_before_anything_is_written(tmp_path, bucket, name):
    folder = tmp_path / "data"
    sound = write_archive(tmp_path / "photos.tar", build_release(folder), folder)
    for mistyped in (*MISTYPED, "a\nb.tar"):
        (tmp_path / mistyped).write_bytes(sound.read_bytes())
    (tmp_path / "folder.tar").mkdir()
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(sound.read_bytes())[:2000])
    photos = tmp_path / "nowhere" if name == "photos.tar" else folder
    store = FolderStore(tmp_path / "store")
    with pytest.raises(ReleaseError):
        publish(store, tmp_path / name, photos, SETTINGS)
    assert not store.root.exists()
    with pytest.raises(ReleaseError):
        drop(bucket, tmp_path / name, photos)
    assert all(list(bucket.keys(prefix)) == [] for prefix in ("drops/", "rejected/", "datasets/", "objects/"))


@pytest.mark.parametrize("name", ["release.tar.gz", "release.tgz"])
def test_compressed_archives_go_live(tmp_path, store, name):
    folder = tmp_path / "data"
    manifest = build_release(folder)
    write_archive(tmp_path / "release.tar.gz", manifest, folder).replace(tmp_path / name)
    assert publish(store, tmp_path / name, None, SETTINGS)[0].outcome == "live"


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


def test_a_drop_is_live_also_as_the_releases_that_changes_of_the_catalogue_make_of_it(tmp_path, bucket):
    first = build_release(tmp_path / "first")
    publish_directly(bucket, tmp_path / "first", first)
    logged(bucket, removed(image_id="000a"))
    folder = tmp_path / "data"
    manifest = build_release(folder, seed=1, created_at=CREATED_AT + timedelta(hours=1))
    archive = write_archive(tmp_path / "release.tar", manifest, folder)
    dropped, _ = drop(bucket, archive, None)
    told = [promote_archive(bucket, archive, SETTINGS).detail]
    for number in (1, 2):
        found = outcome(bucket, dropped)
        assert found is not None
        assert found.outcome == "live"
        told.append(found.detail)
        logged(bucket, removed(image_id=f"00{number}a"))
        apply_changes(bucket, SETTINGS)
    assert told[0] == told[1]
    assert told[0].startswith(f"{manifest.release} is live as ")
    assert promote_archive(bucket, archive, SETTINGS).outcome == "already live"
    promote_stored(bucket, first.release, SETTINGS)
    superseded = outcome(bucket, dropped)
    assert superseded is not None
    assert superseded.outcome == "superseded"


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
