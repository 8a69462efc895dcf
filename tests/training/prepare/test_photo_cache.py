import hashlib
import threading

import numpy as np
import pytest

from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from training.pipeline.in_order import IN_FLIGHT_PER_WORKER, in_order
from training.pipeline.progress import track
from training.prepare import photo_loading
from training.prepare.intake.tables import ImageRow, Intake
from training.prepare.photo_cache import RowWriter, fill

SETTINGS = Preprocessing(size=16)


@pytest.fixture
def intake(tmp_path):
    intake = Intake(tmp_path / "intake.sqlite")
    yield intake
    intake.close()


def add(intake, data, contents):
    for number, (name, content) in enumerate(contents.items(), start=1):
        if content is not None:
            (data / name).write_bytes(content)
        intake.add_image(ImageRow(name, 1, name, "Images.csv", number))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_cache_has_the_pixels_of_serving_and_skips_photos_that_do_not_decode(tmp_path, intake, jpeg, workers):
    photos = {f"{number}.jpg": jpeg(number) for number in range(20)}
    broken = {"3.jpg": jpeg(3)[:200], "7.jpg": b"text", "11.jpg": b"", "19.jpg": None}
    add(intake, tmp_path, photos | broken)
    fill(tmp_path, tmp_path / "photos.npy", intake, SETTINGS, workers=workers, progress=track)

    kept = [name for name in photos if name not in broken]
    cache = np.load(tmp_path / "photos.npy", mmap_mode="r")
    np.testing.assert_array_equal(cache, [load_rgb(photos[name], SETTINGS) for name in kept])
    sql = "SELECT row, id, content FROM cached JOIN images ON number = image ORDER BY row"
    assert intake.db.execute(sql).fetchall() == [
        (row, name, hashlib.sha256(photos[name]).digest()) for row, name in enumerate(kept)
    ]
    refused = intake.db.execute("SELECT source, record, id, reason, detail FROM rejected").fetchall()
    assert [row[:4] for row in refused] == [
        ("Images.csv", number + 1, f"{number}.jpg", "unreadable_photo") for number in (3, 7, 11, 19)
    ]
    assert refused[1][4].startswith("7.jpg: ")


def test_a_file_over_the_limit_is_not_read(tmp_path, intake, jpeg, monkeypatch):
    monkeypatch.setattr(photo_loading, "MAX_FILE_BYTES", 100)
    add(intake, tmp_path, {"a.jpg": jpeg(0)})
    fill(tmp_path, tmp_path / "photos.npy", intake, SETTINGS, workers=1, progress=track)
    (detail,) = intake.db.execute("SELECT detail FROM rejected").fetchone()
    assert detail == f"a.jpg: the file is {len(jpeg(0))} bytes; the limit is 100"
    assert np.load(tmp_path / "photos.npy").shape == (0, 16, 16, 3)


def test_a_file_at_the_limit_is_read(tmp_path, intake, jpeg, monkeypatch):
    monkeypatch.setattr(photo_loading, "MAX_FILE_BYTES", len(jpeg(0)))
    add(intake, tmp_path, {"a.jpg": jpeg(0)})
    fill(tmp_path, tmp_path / "photos.npy", intake, SETTINGS, workers=1, progress=track)
    assert np.load(tmp_path / "photos.npy").shape == (1, 16, 16, 3)


def test_threads_keep_the_order_and_bound_the_number_of_pending_items():
    drawn = []
    first_may_end = threading.Event()

    def items():
        for number in range(40):
            drawn.append(number)
            if number == 2 * IN_FLIGHT_PER_WORKER - 1:
                first_may_end.set()
            yield number

    def work(number):
        if number == 0:
            assert first_may_end.wait(timeout=60)
        return -number

    results = in_order(items(), work, workers=2)
    assert next(results)[1].result() == 0
    assert len(drawn) == 2 * IN_FLIGHT_PER_WORKER
    assert [future.result() for _, future in results] == [-number for number in range(1, 40)]


def test_an_error_in_a_thread_is_not_hidden():
    ((_, future),) = in_order([0], lambda number: 1 // number, workers=1)
    with pytest.raises(ZeroDivisionError):
        future.result()


@pytest.mark.parametrize("rows", [0, 1, 1_000])
def test_rows_written_one_by_one_form_a_npy_file(tmp_path, rows):
    expected = np.random.default_rng(0).integers(0, 256, (rows, 2, 3), np.uint8)
    with RowWriter(tmp_path / "a.npy", (2, 3)) as writer:
        for row in expected:
            writer.append(row)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r" if rows else None), expected)


@pytest.mark.parametrize("row", [np.zeros((3, 2), np.uint8), np.zeros((2, 3), np.float32)])
def test_a_row_of_another_shape_or_type_is_refused(tmp_path, row):
    with RowWriter(tmp_path / "a.npy", (2, 3)) as writer, pytest.raises(ValueError, match="the file holds uint8"):
        writer.append(row)
