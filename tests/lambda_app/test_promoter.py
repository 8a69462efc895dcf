import copy
import io
import json
import logging
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambda_app import promoter
from lambda_app.archive import write_archive
from lambda_app.errors import SettingsError, StoreError
from lambda_app.promotion import rollback
from lambda_app.release import Manifest
from lambda_app.s3_store import S3Store
from lambda_app.settings import Settings
from tests.releases import CREATED_AT, build_release

EVENTS = Path(__file__).parents[1] / "events"
BUCKET = "lookalike-test"
CONTEXT = SimpleNamespace(aws_request_id="11111111-2222-3333-4444-555555555555")
LATER = CREATED_AT + timedelta(hours=1)


def created(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    event = copy.deepcopy(json.loads((EVENTS / "s3_object_created.json").read_text()))
    event["detail"]["bucket"]["name"] = bucket
    event["detail"]["object"]["key"] = key
    return event


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "")


@pytest.fixture
def store(tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    monkeypatch.setenv("LOOKALIKE_STORE", f"s3://{BUCKET}/{prefix}")
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    promoter._configured.cache_clear()
    handlers = logging.getLogger().handlers[:]
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield S3Store(BUCKET, prefix, cache=tmp_path / "cache")
    logging.getLogger().handlers[:] = handlers
    promoter._configured.cache_clear()


@pytest.fixture
def drop(store: S3Store, tmp_path: Path, prefix: str) -> Callable[..., dict[str, str]]:
    """Puts an archive under drops/ and hands the promoter its event."""

    def put(archive: Path, name: str = "release.tar") -> dict[str, str]:
        store.upload(f"drops/{name}", archive)
        return promoter.handler(created(f"{store.prefix}drops/{name}"), CONTEXT)

    return put


def built(folder: Path, name: str = "release.tar", **options) -> tuple[Path, Manifest]:
    manifest = build_release(folder, **options)
    return write_archive(folder / name, manifest, folder), manifest


@pytest.mark.parametrize("prefix", ["", "shop"], indirect=True)
def test_a_drop_goes_live(tmp_path, store, drop, capsys):
    archive, manifest = built(tmp_path / "r")
    answer = drop(archive, "team/a b.tar")
    assert answer["outcome"] == "live"
    assert store.read_pointer().pointer.release == manifest.release
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metrics["RefusedDrops"], metrics["outcome"]) == (0, "live")
    assert metrics["request_id"] == CONTEXT.aws_request_id


def test_a_job_s_gzipped_model_goes_live(tmp_path, store, drop):
    archive, manifest = built(tmp_path / "r", "model.tar.gz")
    assert drop(archive, "job-1/output/model.tar.gz")["outcome"] == "live"
    assert store.read_pointer().pointer.release == manifest.release


def test_the_same_event_again_changes_nothing(tmp_path, store, drop):
    archive, first = built(tmp_path / "r")
    drop(archive)
    assert drop(archive)["outcome"] == "already live"
    later, second = built(tmp_path / "s", seed=1, created_at=LATER)
    assert drop(later, "later.tar")["outcome"] == "live"
    rollback(store, Settings(store="unused", threads=1))
    assert drop(later, "later.tar")["outcome"] == "superseded"
    assert store.read_pointer().pointer.release == first.release
    assert store.read_pointer().pointer.high_water == second.created_at


def truncated(archive: Path) -> bytes:
    return archive.read_bytes()[:4000]


def flipped(archive: Path) -> bytes:
    data = bytearray(archive.read_bytes())
    data[data.index(b"IxFI") + 500] ^= 1
    return bytes(data)


def climbing(archive: Path) -> bytes:
    buffer = io.BytesIO(archive.read_bytes())
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        member = tarfile.TarInfo("../escaped")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(truncated, "tar"), (flipped, "index.faiss has sha256"), (climbing, "unsafe path in the archive: '../escaped'")],
)
def test_a_damaged_drop_is_refused_with_a_note_and_a_metric(tmp_path, store, drop, capsys, damage, reason):
    first, live = built(tmp_path / "r")
    drop(first)
    archive, _ = built(tmp_path / "s", seed=1, created_at=LATER)
    archive.write_bytes(damage(archive))
    answer = drop(archive, "bad.tar")
    assert answer["outcome"] == "refused"
    assert reason in answer["detail"]
    note = json.loads(store.read("rejected/bad.tar.json"))
    assert note["drop"] == "drops/bad.tar"
    assert reason in note["reason"]
    assert store.read_pointer().pointer.release == live.release
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["RefusedDrops"] == 1
    assert list(tmp_path.glob("lookalike-drop-*")) == []


def test_a_drop_far_under_the_live_accuracy_is_refused(tmp_path, store, drop):
    first, live = built(tmp_path / "r", accuracy=0.9)
    drop(first)
    archive, _ = built(tmp_path / "s", seed=1, created_at=LATER, accuracy=0.5)
    assert drop(archive, "worse.tar")["outcome"] == "refused"
    assert store.read_pointer().pointer.release == live.release


@pytest.mark.parametrize("name", ["job/output/output.tar.gz", "notes.txt", "x.tar.bz2"])
def test_what_is_no_release_archive_is_ignored(tmp_path, store, drop, name):
    (tmp_path / "file").write_bytes(b"x")
    assert drop(tmp_path / "file", name)["outcome"] == "ignored"
    assert list(store.keys("rejected/")) == []


@pytest.mark.parametrize("prefix", ["shop"], indirect=True)
def test_a_key_outside_the_prefix_is_ignored(store):
    assert promoter.handler(created("drops/release.tar"), CONTEXT)["outcome"] == "ignored"


def test_a_drop_that_is_gone_is_ignored(store):
    answer = promoter.handler(created(f"{store.prefix}drops/gone.tar"), CONTEXT)
    assert answer["outcome"] == "ignored"
    assert "gone" in answer["detail"]


def test_another_bucket_s_event_is_an_error(store):
    with pytest.raises(SettingsError, match="elsewhere"):
        promoter.handler(created("drops/release.tar", bucket="elsewhere"), CONTEXT)


def test_a_folder_store_is_an_error(store, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_STORE", str(tmp_path))
    promoter._configured.cache_clear()
    with pytest.raises(SettingsError, match="works on an S3 store"):
        promoter.handler(created("drops/release.tar"), CONTEXT)


def test_a_bucket_that_is_away_is_raised_for_another_try(store):
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    with pytest.raises(StoreError, match="NoSuchBucket"):
        promoter.handler(created("drops/release.tar"), CONTEXT)
