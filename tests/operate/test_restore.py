"""The whole drill on moto's S3: publish, destroy in several ways, restore, and get the same answers as before."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from fastapi.testclient import TestClient
from moto.backends import get_backend

from lambda_app.api.app import create_app
from lambda_app.catalogue.log import entry_key
from lambda_app.errors import MissingObjectError
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import promote_archive, promote_stored, rollback
from lambda_app.promotion.stored import manifest_key
from lambda_app.promotion.trial import check_release
from lambda_app.promotion.upkeep.pruning import prune
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from operate.restore import MARK, Place, Restored, RestoreError, restore
from tests.archives import build_archive
from tests.catalogue_changes import has, live, logged, removed
from tests.lambda_events import BUCKET
from tests.releases import CREATED_AT, publish_directly
from tests.s3_server import S3Server

SETTINGS = Settings(store="unused", threads=1, reload_seconds=0, reload_wait_seconds=10)
DAY = timedelta(days=1)
PRODUCTS = 8


@dataclass
class Drill:
    """A store with three releases, of which the last is live, and its photos; all was written two days ago.

    Attributes:
        at: the moment to come back to, a day ago.
    """

    server: S3Server
    store: S3Store
    place: Place
    folder: Path
    manifests: list[Manifest]
    at: datetime

    def opened(self) -> S3Store:
        """The store, with an empty cache."""
        number = sum(1 for _ in self.folder.glob("cache-*"))
        cache = self.folder / f"cache-{number}"
        cache.mkdir()
        return self.server.store(self.store.prefix, cache)

    def answers(self) -> list[Any]:
        """What a new instance of the service answers about a photo."""
        photo = (self.folder / "2" / "photos" / "003a.jpg").read_bytes()
        with TestClient(create_app(SETTINGS, self.opened())) as client:
            answer = client.post("/predict?k=8", content=photo, headers={"Content-Type": "image/jpeg"})
            found = answer.json()
            for one in found.get("results", ()):
                one.pop("photo")  # presigned: another one each time
            return [answer.status_code, found, client.get("/release").json().get("release")]

    def contents(self) -> dict[str, bytes]:
        """Everything that is there now but the pointer."""
        keys = [key for prefix in ("objects/", "releases/", "datasets/", "changes/") for key in self.store.keys(prefix)]
        return {key: self.store.read(key) for key in keys}

    def live(self) -> tuple[str, str, tuple[str, ...]]:
        pointer = self.store.read_pointer().pointer  # type: ignore[union-attr]
        return pointer.release, pointer.manifest_sha256, pointer.history

    def restore(self, at: datetime | None = None, *, dry_run: bool = False) -> Restored:
        store = self.opened()
        return restore(
            self.place,
            at or self.at,
            lambda manifest: check_release(manifest, store.local_file, SETTINGS),
            dry_run=dry_run,
        )


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[Path, Manifest]]]:
    folder = tmp_path_factory.mktemp("archives")
    # Few photos: every test lists and reads all keys and their versions several times.
    made = [
        build_archive(folder / f"{one}", seed=one, created_at=CREATED_AT + one * DAY / 24, products=PRODUCTS)
        for one in range(3)
    ]
    return folder, made


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with closing(S3Server()) as server:
        yield server


@pytest.fixture
def drill(
    request: pytest.FixtureRequest,
    server: S3Server,
    archives: tuple[Path, list[tuple[Path, Manifest]]],
    tmp_path: Path,
) -> Iterator[Drill]:
    server.reset()
    client = boto3.client("s3", endpoint_url=server.url, config=Config(retries={"total_max_attempts": 1}))
    with closing(client):
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        store = server.store(getattr(request, "param", ""), tmp_path / "cache")
        folder, made = archives
        for number, (_, manifest) in enumerate(made):
            before = made[number - 1][1].release if number else None
            publish_directly(store, folder / str(number), manifest, previous=before)
        server.make_older(2 * DAY)
        place = Place(client, BUCKET, store.prefix)
        (tmp_path / "2").symlink_to(folder / "2")
        yield Drill(server, store, place, tmp_path, [one for _, one in made], datetime.now(UTC) - DAY)


def delete_the_pointer(drill: Drill) -> None:
    drill.store.delete("live.json")


def overwrite_the_pointer(drill: Drill) -> None:
    drill.store.write("live.json", b"{")


def delete_the_objects(drill: Drill) -> None:
    for key in list(drill.store.keys("objects/")):
        drill.store.delete(key)


def overwrite_the_manifest(drill: Drill) -> None:
    drill.store.write(manifest_key(drill.manifests[2].release), b"no manifest")


def prune_too_much(drill: Drill) -> None:
    assert prune(drill.store, keep=1, age=timedelta(0)).releases == [drill.manifests[0].release]


def damage_the_photos(drill: Drill) -> None:
    first, second, *_ = drill.store.keys("datasets/")
    drill.store.delete(first)
    drill.store.write(second, b"no photo")


def test_deleted_entries_of_the_log_come_back_and_the_next_change_applies_those_after_the_moment(drill: Drill):
    for number in range(2):
        logged(drill.store, removed(image_id=f"00{number}a"))
        apply_changes(drill.store, SETTINGS)
    drill.server.make_older(2 * DAY)
    logged(drill.store, removed(image_id="002a"))
    apply_changes(drill.store, SETTINGS)
    for number in (1, 2):
        drill.store.delete(entry_key(number))
    done = drill.restore()
    assert done.copied["changes/"] == [entry_key(1), entry_key(2)]
    assert live(drill.store).manifest.changes_through == 2
    logged(drill.store, removed(image_id="003a"))
    apply_changes(drill.store, SETTINGS)
    assert [has(live(drill.store), f"00{number}a") for number in range(5)] == [False, False, False, False, True]


def delete_everything(drill: Drill) -> None:
    for key in [*drill.contents(), "live.json"]:
        drill.store.delete(key)


TOGETHER = (prune_too_much, delete_the_objects, overwrite_the_manifest, damage_the_photos, overwrite_the_pointer)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drill", "damage"),
    [("", (one,)) for one in (delete_the_pointer, delete_everything, *TOGETHER)] + [("shop", TOGETHER)],
    indirect=["drill"],
)
def test_a_damaged_store_comes_back_and_answers_as_before(drill: Drill, damage: tuple[Callable[[Drill], None], ...]):
    before, answers, live = drill.contents(), drill.answers(), drill.live()
    assert answers[0] == 200
    for one in damage:
        one(drill)
    damaged = drill.contents()
    planned = drill.restore(dry_run=True)
    assert drill.contents() == damaged
    done = drill.restore()
    assert done == planned
    assert (drill.contents(), drill.live(), done.lost) == (before, live, [])
    assert drill.answers() == answers
    # A second time there is nothing to do, and nothing is written.
    drill.server.requests.clear()
    again = drill.restore()
    assert (sum(map(len, again.copied.values())), again.pointer) == (0, None)
    assert not [one for one in drill.server.requests if one.method in ("PUT", "POST", "DELETE")]


def test_a_running_service_answers_during_the_whole_restore(drill: Drill):
    photo = (drill.folder / "2" / "photos" / "003a.jpg").read_bytes()
    with TestClient(create_app(SETTINGS, drill.opened())) as client:

        def status() -> int:
            answer = client.post("/predict", content=photo, headers={"Content-Type": "image/jpeg"})
            return int(answer.status_code)

        assert status() == 200
        delete_everything(drill)
        assert status() == 200
        seen: list[int] = []

        def check(manifest: Manifest) -> None:
            assert manifest == drill.manifests[2]
            seen.append(status())

        restore(drill.place, drill.at, check)
        assert [*seen, status()] == [200, 200]


@pytest.mark.slow
def test_what_was_published_since_stays_and_is_no_longer_live(drill: Drill, tmp_path: Path):
    archive, newer = build_archive(tmp_path / "newer", seed=7, created_at=CREATED_AT + DAY, products=PRODUCTS)
    promote_archive(drill.store, archive, SETTINGS)
    done = drill.restore()
    assert (done.pointer, sum(map(len, done.copied.values()))) == (drill.manifests[2].release, 0)
    assert drill.store.exists(manifest_key(newer.release))
    # The event of the newer drop may come again: an operator's decision stands.
    assert promote_archive(drill.store, archive, SETTINGS).outcome == "superseded"
    assert drill.live()[0] == drill.manifests[2].release
    assert rollback(drill.store, SETTINGS).release == drill.manifests[1].release


def test_what_has_expired_is_named_and_the_pointer_stays_if_the_release_needs_it(drill: Drill):
    photo, *_ = drill.store.keys("datasets/")
    model = f"objects/{drill.manifests[2].model.sha256}"
    manifest = manifest_key(drill.manifests[2].release)
    for key in (photo, model, manifest, "live.json"):
        drill.store.delete(key)
    kept = get_backend("s3")["123456789012"]["aws"].buckets[BUCKET].keys
    for key in (photo, model):  # as the life-cycle rule does after 30 days: the mark of the deletion is left
        kept.setlist(drill.store.prefix + key, kept.getlist(drill.store.prefix + key)[-1:])
    with pytest.raises(RestoreError, match=rf"no longer has model\.onnx \({model}\).* 2 keys are lost") as caught:
        drill.restore()
    assert "scripts/releases list and promote ID" in str(caught.value)
    assert drill.store.exists(manifest)
    with pytest.raises(MissingObjectError):
        drill.store.read_pointer()


def test_a_release_that_does_not_pass_its_trial_does_not_go_live_again(drill: Drill):
    delete_the_pointer(drill)

    def check(manifest: Manifest) -> None:
        raise RestoreError(f"{manifest.release} does not answer")

    with pytest.raises(RestoreError, match="does not answer"):
        restore(drill.place, drill.at, check)
    with pytest.raises(MissingObjectError):
        drill.store.read_pointer()


@pytest.mark.slow
def test_a_pointer_that_moves_during_the_restore_stays(drill: Drill):
    rollback(drill.store, SETTINGS)
    moved: list[str] = []

    def check(_: Manifest) -> None:
        moved.append(promote_stored(drill.store, drill.manifests[0].release, SETTINGS).release)

    with pytest.raises(RestoreError, match=r"live\.json has changed during the restore; .* run it again"):
        restore(drill.place, drill.at, check)
    assert drill.live()[0] == moved[0] == drill.manifests[0].release


def test_a_large_object_whose_copy_has_another_etag_is_copied_once(drill: Drill):
    key = f"{drill.store.prefix}datasets/sample/large.jpg"
    client = drill.place.s3
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    names = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
    parts = [b"a" * (5 << 20), b"b"]
    tags = [client.upload_part(**names, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(parts, 1)]
    listed = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    client.complete_multipart_upload(**names, MultipartUpload={"Parts": listed})
    drill.server.make_older(2 * DAY)
    client.put_object(Bucket=BUCKET, Key=key, Body=b"c" * ((5 << 20) + 1))
    assert drill.restore().copied["datasets/"] == ["datasets/sample/large.jpg"]
    found = client.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == b"".join(parts)
    assert MARK in found["Metadata"]
    assert drill.restore().copied["datasets/"] == []


def test_a_moment_without_a_live_release_or_in_the_future_is_refused(drill: Drill):
    with pytest.raises(RestoreError, match="nothing was live in s3://"):
        drill.restore(datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(RestoreError, match="lies in the future"):
        drill.restore(datetime.now(UTC) + DAY)


def test_a_refusal_of_s3_is_reported_with_the_store(drill: Drill):
    with (
        drill.server.refusing(403, "AccessDenied"),
        pytest.raises(RestoreError, match=rf"s3://{BUCKET}/.*AccessDenied"),
    ):
        drill.restore()


def test_nothing_but_the_store_comes_back(drill: Drill):
    drill.store.write("drops/a.tar", b"1")
    drill.store.write("uploads/a", b"1")
    drill.store.write("releases/pruning/a.json", b"1")
    drill.server.make_older(2 * DAY)
    for key in ("drops/a.tar", "uploads/a", "releases/pruning/a.json"):
        drill.store.delete(key)
    assert sum(map(len, drill.restore().copied.values())) == 0
