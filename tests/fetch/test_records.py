import csv
import hashlib
from pathlib import Path

import pytest

from fetch.failure import FetchFailedError
from fetch.records import FailedPhoto, PhotoTable, only_run, write_failures
from training.errors import DataError, TrainingError
from training.pipeline.progress import track
from training.prepare.intake.fetched import FAILURES, TABLE, FetchedPhoto, read_fetched


def row(name: str, data: bytes) -> FetchedPhoto:
    digest = hashlib.sha256(data).hexdigest()
    return FetchedPhoto(f"https://cdn.example/{name}?a=1,2", f"{name}.jpg", len(data), digest, "image/jpeg")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / TABLE).parent.mkdir()
    return tmp_path


def test_photos_that_were_added_are_there_after_a_kill(out: Path):
    table = PhotoTable(out, track)
    table.add(row("a", b"one"), b"one")
    table.add(row("b", b"two"), b"two")
    assert list(read_fetched(out)) == [row("a", b"one"), row("b", b"two")]
    assert (out / "photos" / "b.jpg").read_bytes() == b"two"
    assert list(PhotoTable(out, track).rows) == [row("a", b"").url, row("b", b"").url]


@pytest.mark.parametrize("damage", [None, b"on", b"ONE"])
def test_a_photo_that_is_missing_or_changed_loses_its_row(out: Path, damage: bytes | None):
    table = PhotoTable(out, track)
    table.add(row("a", b"one"), b"one")
    table.add(row("b", b"two"), b"two")
    (out / "photos" / "a.jpg").unlink()
    if damage:
        (out / "photos" / "a.jpg").write_bytes(damage)
    assert list(PhotoTable(out, track).rows.values()) == [row("b", b"two")]
    assert list(read_fetched(out)) == [row("b", b"two")]
    assert not (out / "photos" / "a.jpg").exists()


def test_the_next_run_mends_half_a_row(out: Path):
    PhotoTable(out, track).add(row("a", b"one"), b"one")
    with (out / TABLE).open("a") as file:
        file.write('"https://cdn.exam')
    PhotoTable(out, track).add(row("b", b"two"), b"two")
    assert list(read_fetched(out)) == [row("a", b"one"), row("b", b"two")]


def test_a_photo_that_cannot_be_written_leaves_no_part_of_it(out: Path):
    table = PhotoTable(out, track)
    (out / "photos" / "a.jpg").mkdir()
    with pytest.raises(TrainingError, match=r"a\.jpg cannot be written"):
        table.add(row("a", b"one"), b"one")
    assert sorted(path.name for path in (out / "photos").iterdir()) == ["a.jpg", "photos.csv"]
    assert table.rows == {}


def test_failures_are_a_table(out: Path):
    failed = FailedPhoto("https://cdn.example/a,b.jpg", FetchFailedError("http_status", "status 404", 404), 1)
    refused = FailedPhoto("http://cdn.example/c.jpg", FetchFailedError("not_https", "the scheme"), 0)
    write_failures(out, [failed, refused])
    with (out / FAILURES).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row.values()) for row in rows] == [
        ["https://cdn.example/a,b.jpg", "http_status", "404", "1", "status 404"],
        ["http://cdn.example/c.jpg", "not_https", "", "0", "the scheme"],
    ]
    write_failures(out, [])
    assert (out / FAILURES).read_text() == "url,reason,status,attempts,detail\n"


def test_two_runs_do_not_fill_one_folder_at_once(tmp_path: Path):
    with only_run(tmp_path), pytest.raises(DataError, match="another scripts/fetch"), only_run(tmp_path):
        pass
    with only_run(tmp_path):
        pass


def test_what_a_killed_run_left_half_written_is_removed(out: Path):
    (out / "photos" / ".a.jpg.partial").write_bytes(b"half")
    (out / "photos" / "b.jpg").write_bytes(b"whole")
    with only_run(out):
        assert sorted(path.name for path in (out / "photos").iterdir()) == [".lock", "b.jpg"]
