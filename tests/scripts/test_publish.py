"""scripts/publish.py as a person runs it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import publish, releases, serve
from tests.archives import build_archive, with_a_flipped_byte

pytestmark = pytest.mark.slow  # each promotion starts a process that tries the release

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Run:
    def run(command: Callable[[], int], *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        code = command()
        return (code, *capsys.readouterr())

    return run


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
