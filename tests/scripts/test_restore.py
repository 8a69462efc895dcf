"""scripts/releases.py restore as a person runs it; tests/operate has the drill."""

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from lambda_app.catalogue.vectors.bookkeeping import stored_state
from lambda_app.search.s3vectors.schema import index_name
from lambda_app.store.folder import FolderStore
from scripts.releases import main
from tests.lambda_events import BUCKET
from tests.releases import build_release, publish_directly
from tests.s3_server import S3Server
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with closing(S3Server()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def run(monkeypatch: pytest.MonkeyPatch, store: str, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["releases", "--store", store, "restore", *arguments])
    return main()


@pytest.mark.slow
def test_restore_names_what_comes_back_and_a_dry_run_says_it_before(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with closing(boto3.client("s3")) as client:
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        store = server.store("", tmp_path / "cache")
        manifest = build_release(tmp_path / "release")
        publish_directly(store, tmp_path / "release", manifest)
        server.make_older(timedelta(hours=2))
        at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        for one in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
            client.delete_object(Bucket=BUCKET, Key=one["Key"])
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")
    for option, words in ((["--dry-run"], ("would be brought back", "would be")), ([], ("brought back", "is"))):
        assert run(monkeypatch, f"s3://{BUCKET}", "--at", at, *option) == 0
        printed = capsys.readouterr().out.splitlines()
        assert f"objects/: {words[0]}: 3 keys" in printed
        assert f"datasets/: {words[0]}: 40 keys" in printed
        assert f"releases/{manifest.release}/manifest.json: {words[0]}" in printed
        assert printed[-1] == f"{manifest.release} {words[1]} live again"
    assert run(monkeypatch, f"s3://{BUCKET}", "--at", at) == 0
    assert capsys.readouterr().out.startswith(f"nothing to bring back: s3://{BUCKET} is as it was at ")


@pytest.mark.slow
def test_the_index_of_s3_vectors_is_brought_to_the_release_that_comes_back(
    server: S3Server, s3vectors: S3VectorsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", s3vectors.url)
    monkeypatch.setenv("LOOKALIKE_VECTOR_BUCKET", VECTOR_BUCKET)
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")
    with closing(boto3.client("s3")) as client:
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        store = server.store("", tmp_path / "cache")
        manifest = build_release(tmp_path / "release", search={"engine": "s3vectors"})
        publish_directly(store, tmp_path / "release", manifest)
        server.make_older(timedelta(hours=2))
        client.delete_object(Bucket=BUCKET, Key="live.json")
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert run(monkeypatch, f"s3://{BUCKET}", "--at", at, "--dry-run") == 0
    assert s3vectors.calls == []
    assert run(monkeypatch, f"s3://{BUCKET}", "--at", at) == 0
    state, _ = stored_state(store, index_name(manifest.model.sha256))
    assert state is not None
    assert (state.release, state.count, s3vectors.counts()["PutVectors"]) == (manifest.release, 40, 1)


def test_a_folder_has_no_old_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    FolderStore(tmp_path).write("objects/a", b"1")
    assert run(monkeypatch, str(tmp_path), "--at", "2026-11-25T10:00Z") == 1
    assert f"{tmp_path} is a folder; only a bucket keeps old versions" in capsys.readouterr().err


@pytest.mark.parametrize("at", ["yesterday", "2026-11-25T10:00", "2026-11-25"])
def test_a_time_without_its_zone_is_refused(
    at: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, "unused", "--at", at)
    assert f"'{at}' is not a time with its zone, such as 2026-11-25T10:00Z" in capsys.readouterr().err


def test_a_moment_that_the_bucket_does_not_know_is_an_error(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    at = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert run(monkeypatch, f"s3://{BUCKET}", "--at", at) == 1
    assert f"scripts/releases: nothing was live in s3://{BUCKET}" in capsys.readouterr().err
