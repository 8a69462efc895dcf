"""What a second run decodes again, seen from outside: the photos that it says it took over."""

import os
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from lambda_app.likeness.fingerprint import fingerprint_of
from lambda_app.photo.preprocessing import load_photo
from training.dataset import PHOTOS, SOURCES, Dataset
from training.pipeline.progress import track
from training.prepare.decoded import count_sources, earlier_photos
from training.prepare.settings import PrepareSettings
from training.prepare.stage import pixels_key, prepare

SMALL = PrepareSettings(size=16)
COUNT = 12


@pytest.fixture
def data(write_listings):
    """Listings of twelve products, a photo each."""
    rows = [{"id": f"p{n}", "price": "£5.00"} for n in range(COUNT)]
    return write_listings(rows, [(f"i{n}", f"p{n}") for n in range(COUNT)])


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def rerun(data, out, caplog):
    """Run again; returns how many photos were taken over. The dataset must be that of a run without an earlier one."""

    def run(settings=SMALL):
        caplog.clear()
        with caplog.at_level("INFO"):
            prepare(data, out, settings)
        said = [record.getMessage() for record in caplog.records if "were decoded before" in record.getMessage()]
        fresh = out.with_name("fresh")
        prepare(data, fresh, settings)
        np.testing.assert_array_equal(Dataset.open(out).photos, Dataset.open(fresh).photos)
        assert list(Dataset.open(out).items()) == list(Dataset.open(fresh).items())
        shutil.rmtree(fresh)
        return int(said[0].split()[1]) if said else 0

    return run


def change_prices(data):
    path = data / "Products.csv"
    path.write_text(path.read_text().replace("£5.00", "£6.00"))


def test_a_new_price_decodes_nothing_and_keeps_the_file_of_pixels(data, out, rerun):
    assert rerun() == 0
    pixels = (out / PHOTOS).stat().st_ino
    change_prices(data)
    assert rerun() == COUNT
    assert (out / PHOTOS).stat().st_ino == pixels
    assert {item.price for item in Dataset.open(out).items()} == {6.0}


def test_added_and_deleted_rows_leave_the_other_photos_as_they_are(data, rerun, jpeg):
    assert rerun() == 0
    images = data / "Images.csv"
    images.write_text(images.read_text() + "99,new,p3\n")
    (data / "photos" / "new.jpg").write_bytes(jpeg(99))
    assert rerun() == COUNT
    kept = [line for line in images.read_text().splitlines(keepends=True) if ",i0," not in line]
    images.write_text("".join([kept[0], *reversed(kept[1:])]))
    assert rerun() == COUNT


def test_new_content_at_an_old_path_is_seen_even_with_the_old_size_and_times(data, out, rerun, jpeg):
    photo = data / "photos" / "i3.jpg"
    photo.write_bytes(jpeg(77).ljust(4000, b"\0"))
    assert rerun() == 0
    before = photo.stat()
    photo.write_bytes(jpeg(78).ljust(4000, b"\0"))
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert photo.stat().st_size == before.st_size
    assert rerun() == COUNT - 1


def test_a_moved_photo_is_known_by_its_content(data, rerun):
    assert rerun() == 0
    (data / "photos").rename(data / "images")
    assert rerun() == COUNT


@pytest.mark.parametrize(
    ("settings", "taken_over"), [({"seed": 1}, COUNT), ({"validation_share": 0.5}, COUNT), ({"size": 32}, 0)]
)
def test_only_settings_that_change_pixels_decode_again(rerun, settings, taken_over):
    assert rerun() == 0
    assert rerun(SMALL.changed(**settings)) == taken_over


def test_a_photo_that_did_not_decode_is_tried_again(data, rerun, jpeg):
    (data / "photos" / "i5.jpg").write_bytes(b"broken")
    assert rerun() == 0
    (data / "photos" / "i5.jpg").write_bytes(jpeg(5))
    assert rerun() == COUNT - 1


def test_damaged_files_of_an_earlier_run_are_not_used(data, out, rerun):
    assert rerun() == 0
    change_prices(data)
    (out / SOURCES).write_bytes(b"no database")
    assert rerun() == 0
    (out / PHOTOS).write_bytes(b"no array")
    assert rerun() == 0


def test_a_stopped_run_leaves_its_photos_to_the_next_one(data, out, rerun):
    def stop_after_five(items, total, desc, unit):
        for number, item in enumerate(track(items, total, desc, unit)):
            if desc == "photos" and number == 5:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        prepare(data, out, SMALL.changed(workers=1), progress=stop_after_five)
    stopped = out.with_name("out.stopped")
    assert not out.exists()
    kept = count_sources(stopped)
    assert 0 < kept < COUNT
    assert rerun() == kept
    assert not stopped.exists()


def test_photos_of_another_key_are_not_used(data, out):
    prepare(data, out, SMALL)
    with earlier_photos((out,), pixels_key(SMALL)) as photos:
        assert photos is not None
        assert len(photos) == COUNT
    with earlier_photos((out,), pixels_key(SMALL.changed(size=32))) as photos:
        assert photos is None


def test_the_state_of_a_file_that_has_just_changed_is_not_trusted(data, out):
    prepare(data, out, SMALL)
    with closing(sqlite3.connect(out / SOURCES)) as db:
        assert db.execute("SELECT DISTINCT state FROM sources").fetchall() == [(None,)]


def test_fingerprints_are_taken_over_with_the_pixels(data, out):
    prepare(data, out, SMALL)
    first = Dataset.open(out).fingerprints()
    assert first is not None
    assert first.shape == (COUNT, 197)
    for image_id, row in zip(Dataset.open(out).image_ids, first, strict=True):
        (path,) = data.rglob(f"{image_id}.*")
        assert np.array_equal(row, fingerprint_of(load_photo(path.read_bytes(), SMALL.preprocessing()).overview))
    change_prices(data)
    prepare(data, out, SMALL)
    np.testing.assert_array_equal(Dataset.open(out).fingerprints(), first)
