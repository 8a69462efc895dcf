import os
from datetime import UTC, datetime, timedelta

from training.dataset import Dataset
from training.prepare.settings import PrepareSettings
from training.prepare.snapshot import snapshot_of
from training.prepare.stage import prepare

SMALL = PrepareSettings(size=16)
EXPORTED = datetime(2026, 11, 1, 12, tzinfo=UTC)


def _dated(path, moment):
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def _snapshot(out):
    return Dataset.open(out).summary["snapshot_at"]


def test_the_snapshot_is_as_old_as_the_oldest_table(write_listings):
    data = write_listings([{"id": "a"}], [("i", "a")])
    _dated(data / "Images.csv", EXPORTED)
    now = datetime.now(UTC)
    assert snapshot_of(data, now) == EXPORTED
    _dated(data / "Products.csv", EXPORTED - timedelta(days=1))
    assert snapshot_of(data, now) == EXPORTED - timedelta(days=1)


def test_tables_from_the_future_are_taken_as_read_now(write_listings):
    data = write_listings([{"id": "a"}], [("i", "a")])
    now = EXPORTED.replace(microsecond=999_999)
    assert snapshot_of(data, now) == EXPORTED


def test_folders_of_photos_have_no_snapshot(tmp_path, jpeg):
    for category in ("cats", "dogs"):
        (tmp_path / category).mkdir()
        (tmp_path / category / "1.jpg").write_bytes(jpeg(1))
    assert snapshot_of(tmp_path, EXPORTED) is None


def test_a_dataset_keeps_the_moment_of_the_listings_that_it_holds(write_listings, tmp_path):
    data, out = write_listings([{"id": "a"}], [("i", "a")]), tmp_path / "out"
    for table in ("Products.csv", "Images.csv"):
        _dated(data / table, EXPORTED)
    prepare(data, out, SMALL)
    prepare(data, out, SMALL)
    assert _snapshot(out) == EXPORTED.isoformat()
    later = EXPORTED + timedelta(hours=3)
    for table in ("Products.csv", "Images.csv"):
        _dated(data / table, later)
    prepare(data, out, SMALL)
    assert _snapshot(out) == later.isoformat()


def test_a_copy_of_the_listings_has_no_moment(write_listings, tmp_path):
    data, out = write_listings([{"id": "a"}], [("i", "a")]), tmp_path / "out"
    prepare(data, out, SMALL.changed(copied=True))
    assert _snapshot(out) is None
