"""scripts/publish.py as a person runs it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from moto import mock_aws

from lambda_app.promotion.promotion import promote_archive
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from scripts import publish, releases, serve
from tests.archives import build_archive, with_a_flipped_byte
from tests.s3_server import S3Server

pytestmark = pytest.mark.slow  # each promotion starts a process that tries the release

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Run:
    def run(command: Callable[[], int], *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        code = command()
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[S3Store]:
    with closing(S3Server()) as server:
        yield server.store("", tmp_path / "cache")


def test_a_mistyped_store_is_not_made(tmp_path: Path, run: Run):
    archive, manifest = build_archive(tmp_path / "release")
    store = tmp_path / "store"
    for command, arguments in (
        (publish.main, [archive, "--store", store]),
        (releases.main, ["--store", store, "list"]),
        (serve.main, ["--store", store]),
    ):
        code, _, err = run(command, *arguments)
        assert code != 0
        assert f"{store} is not a store: the folder does not exist" in err
        assert not store.exists()
    code, out, _ = run(publish.main, archive, "--store", store, "--create")
    assert (code, out.splitlines()[0]) == (0, f"{manifest.release} is live")
    code, out, _ = run(publish.main, archive, "--store", store)
    assert (code, out.splitlines()[0]) == (0, f"{manifest.release} is live already")
    assert "warning: 40 of the release's photos are not in the store" in out
    assert "--photos was not given" in out
    code, out, _ = run(publish.main, archive, "--store", store, "--photos", tmp_path / "release")
    assert (code, out.splitlines()[1:]) == (0, ["photos: 40 copied, 0 already there, 0 not found"])
    assert run(releases.main, "--store", store, "list")[0] == 0


def test_a_mistyped_archive_leaves_nothing_in_the_store(tmp_path: Path, run: Run):
    code, out, err = run(publish.main, tmp_path / "relaese.tar", "--store", tmp_path / "store", "--create")
    assert (code, out) == (1, "")
    assert err == f"scripts/publish: the archive {tmp_path / 'relaese.tar'} does not exist\n"
    assert not (tmp_path / "store").exists()


def test_a_drop_that_nobody_takes_is_handed_to_the_promoter_after_a_minute(
    tmp_path: Path, bucket: S3Store, capsys: pytest.CaptureFixture
):
    archive, manifest = build_archive(tmp_path / "release")
    called = []

    def call(key: str) -> None:
        called.append(key)
        bucket.download(key, tmp_path / "taken.tar")
        promote_archive(bucket, tmp_path / "taken.tar", Settings(store=str(bucket), threads=1))

    assert publish.drop_into(bucket, archive, None, True, call, call_after=0, poll=0) == 0
    assert called == [f"drops/{archive.name}"]
    assert f"{manifest.release} is live" in capsys.readouterr().out


def test_a_promoter_that_cannot_be_called_is_a_note_and_no_failure(bucket: S3Store, capsys: pytest.CaptureFixture):
    with mock_aws():
        publish.call_by_hand(bucket, "Lookalike", "drops/a.tar")
    assert "the promoter cannot be called: stack Lookalike: " in capsys.readouterr().err


def test_retry_of_a_folder_store_says_that_there_are_no_dead_letters(tmp_path: Path, run: Run):
    archive, _ = build_archive(tmp_path / "release")
    run(publish.main, archive, "--store", tmp_path / "store", "--create")
    code, _, err = run(releases.main, "--store", tmp_path / "store", "retry")
    assert code == 1
    assert "is a folder; only a stack with a bucket has dead letters" in err


def test_photos_of_another_folder_are_missed(tmp_path: Path, run: Run):
    archive, _ = build_archive(tmp_path / "release")
    (tmp_path / "empty").mkdir()
    arguments = [archive, "--store", tmp_path / "store", "--create", "--photos", tmp_path / "empty"]
    code, out, _ = run(publish.main, *arguments)
    assert code == 0
    assert f"--photos {tmp_path / 'empty'} does not contain them" in out


def test_a_damaged_archive_is_named(tmp_path: Path, run: Run):
    archive, _ = build_archive(tmp_path / "release")
    code, out, err = run(publish.main, with_a_flipped_byte(archive), "--store", tmp_path / "store", "--create")
    assert (code, out) == (1, "")
    assert err.startswith("scripts/publish: flipped.tar is damaged: index.faiss has sha256")


def test_who_looks_for_force_is_told_where_it_is(
    run: Callable[..., tuple[int, str, str]], capsys: pytest.CaptureFixture
):
    with pytest.raises(SystemExit) as ended:
        run(publish.main, "release.tar", "--store", "store", "--force")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "unrecognized arguments: --force; " in line
    assert "scripts/train ... --force True" in line
