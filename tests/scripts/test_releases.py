"""scripts/releases.py as a person runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from lambda_app.promotion.promotion import promote_archive
from lambda_app.promotion.stored import manifest_key
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from scripts.releases import in_utc, main
from tests.archives import build_archive
from tests.releases import CREATED_AT

pytestmark = pytest.mark.slow  # each promotion starts a process that tries the release

SETTINGS = Settings(store="unused", threads=1)


@dataclass(frozen=True)
class Done:
    """What a run of the command gave."""

    code: int
    out: list[str]
    err: str


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Done]:
    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["releases", "--store", str(tmp_path / "store"), *arguments])
        code = main()
        printed = capsys.readouterr()
        return Done(code, printed.out.splitlines(), printed.err)

    return run


@pytest.fixture
def made(tmp_path: Path) -> list[Manifest]:
    """Three releases, promoted one after the other; the last by force."""
    store, manifests = FolderStore(tmp_path / "store"), []
    for hour, accuracy in enumerate([0.9, 0.9, 0.074]):
        created_at = CREATED_AT + timedelta(hours=hour)
        archive, manifest = build_archive(
            tmp_path / f"{hour}", seed=hour, created_at=created_at, accuracy=accuracy, force=accuracy < 0.9
        )
        promote_archive(store, archive, SETTINGS)
        manifests.append(manifest)
    return manifests


def test_list_tells_times_in_utc_figures_and_force(releases, made):
    first, second, third = releases("list").out
    assert first.startswith(f"live     {made[2].release}")
    assert first.endswith(
        "2026-11-01 14:00:00 UTC          40 photos  accuracy 0.074  recall@4 0.074  trained  forced past the floor: "
        f"accuracy 0.074 against 0.900; recall@4 0.074 against 0.900 (live is {made[1].release})"
    )
    assert second.startswith(f"previous {made[1].release}")
    assert third.endswith("2026-11-01 12:00:00 UTC          40 photos  accuracy 0.900  recall@4 0.900  trained")


def test_a_release_that_cannot_be_read_breaks_neither_list_nor_prune(tmp_path, releases, made):
    raw = json.loads(made[0].to_json()) | {"format": 3}
    FolderStore(tmp_path / "store").write(manifest_key(made[0].release), json.dumps(raw).encode())
    listed = releases("list")
    assert (listed.code, len(listed.out)) == (0, 3)
    problem = "cannot be read: manifest.json has format 3; this code reads 1 and 2"
    assert sum(line.endswith(problem) for line in listed.out) == 1
    pruned = releases("prune", "--keep", "1")
    assert pruned.code == 0
    assert pruned.out[0].startswith("nothing to delete: the newest, live and previous releases stay")
    assert pruned.out[1].startswith(f"{made[0].release} stays, because it cannot be read: manifest.json has format 3")


def test_rollback_says_from_where_to_where_until_there_is_nothing_before(releases, made):
    figures = "(accuracy 0.900, recall@4 0.900)"
    worse = f"{made[2].release} (accuracy 0.074, recall@4 0.074)"
    second, first = made[1].release, made[0].release
    assert releases("rollback").out == [f"rolled back from {worse} to {second} {figures}; {second} is live"]
    told = f"rolled back from {second} {figures} to {first} {figures}; {first} is live"
    assert releases("rollback").out == [told]
    last = releases("rollback")
    assert (last.code, last.out) == (1, [])
    assert f"holds nothing that was live before {made[0].release}. scripts/releases list shows" in last.err
    assert releases("promote", made[2].release).out == [f"{made[2].release} is live"]


def test_a_rollback_of_the_model_prints_both_releases_and_list_marks_where_it_goes(releases, made):
    releases("rollback")
    releases("promote", made[2].release)
    done = releases("rollback", "--model")
    assert done.code == 0
    assert done.out[0].startswith(f"rolled back from {made[2].release} (accuracy 0.074")
    assert done.out[0].endswith(f"to {made[1].release} (accuracy 0.900, recall@4 0.900); {made[1].release} is live")
    assert [line.split()[:2] for line in releases("list").out][1:] == [
        ["live", made[1].release],
        ["previous", made[0].release],
    ]


def test_an_unknown_id_is_named_with_the_command_that_shows_the_known_ones(releases, made):
    done = releases("promote", "BADID")
    assert (done.code, done.out) == (1, [])
    assert done.err.endswith("holds no release 'BADID'; scripts/releases list shows the releases that it holds\n")


@pytest.mark.parametrize("number", ["0", "x", "-1"])
def test_prune_keeps_at_least_one_release(releases, capsys, number):
    with pytest.raises(SystemExit):
        releases("prune", f"--keep={number}")
    assert f"'{number}' is not a whole number of at least 1" in capsys.readouterr().err


def test_times_are_in_utc_where_that_exists():
    east, west = timezone(timedelta(hours=5)), timezone(timedelta(hours=-5))
    assert in_utc(datetime(2026, 11, 1, 12, tzinfo=east)) == "2026-11-01 07:00:00 UTC"
    assert in_utc(datetime(9999, 12, 31, 23, tzinfo=west)) == "9999-12-31 23:00:00-05:00"


def test_a_reader_that_has_closed_the_pipe_ends_the_list_quietly(tmp_path):
    store = tmp_path / "store"
    (store / "releases").mkdir(parents=True)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        command = [sys.executable, "-m", "scripts.releases", "--store", str(store), "list"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_store_is_taken_after_the_verb_too(made, releases, tmp_path, monkeypatch, capsys):
    before = releases("list").out
    monkeypatch.setattr(sys, "argv", ["releases", "list", "--store", str(tmp_path / "store")])
    assert main() == 0
    assert capsys.readouterr().out.splitlines() == before


def test_a_missing_store_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["releases", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--store is missing: a folder or s3://bucket" in capsys.readouterr().err
