import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing
from training.dataset import SOURCES, SPLITS, Dataset
from training.errors import DataError


@pytest.fixture
def copy(dataset, tmp_path):
    """A copy of the dataset that a test may damage."""
    return shutil.copytree(dataset.path, tmp_path / "copy")


def test_rows_splits_and_codes_agree_with_the_items(dataset):
    items = list(dataset.items())
    assert [item.row for item in items] == list(range(len(dataset.photos)))
    assert [item.category for item in items] == dataset.category.tolist()
    assert tuple(item.image_id for item in items) == dataset.image_ids
    assert [SPLITS[code] for code in dataset.split] == [item.split for item in items]
    codes: dict[str, int] = {}
    assert [codes.setdefault(item.product_id, code) for item, code in zip(items, dataset.product, strict=True)] == (
        dataset.product.tolist()
    )
    assert sorted(codes.values()) == list(range(len(codes)))


def test_the_splits_have_every_row_once(dataset):
    rows = np.concatenate([dataset.rows(split) for split in SPLITS])
    assert rows.dtype == np.int64
    assert sorted(rows) == list(range(len(dataset.photos)))
    assert {split: len(dataset.rows(split)) for split in SPLITS} == dataset.summary["splits"]


def test_photos_are_memory_mapped(dataset):
    assert isinstance(dataset.photos, np.memmap)
    assert not dataset.photos.flags.writeable
    assert (dataset.category.dtype, dataset.product.dtype, dataset.split.dtype) == (np.int64, np.int64, np.uint8)


def test_cached_pixels_are_identical_to_serving_pixels(dataset, sample_data):
    assert dataset.preprocessing == Preprocessing(size=64, background="white", fit="trimmed")
    for item in dataset.items():
        served = load_rgb((sample_data / item.photo).read_bytes(), dataset.preprocessing)
        np.testing.assert_array_equal(dataset.photos[item.row], served)


def test_an_unknown_split_is_named_in_the_error(dataset):
    with pytest.raises(DataError, match="unknown split 'dev'; the splits are train, validation, test"):
        dataset.rows("dev")


@pytest.mark.parametrize("name", ["summary.json", "photos.npy", "items.sqlite"])
def test_a_missing_file_is_named_in_the_error(copy, name):
    (copy / name).unlink()
    with pytest.raises(DataError, match=name):
        Dataset.open(copy)


@pytest.mark.parametrize("name", ["summary.json", "photos.npy", "items.sqlite"])
def test_a_damaged_file_is_named_in_the_error(copy, name):
    (copy / name).write_bytes(b"rubbish " * 100)
    with pytest.raises(DataError, match=name):
        Dataset.open(copy)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda summary: summary.pop("categories"),
        lambda summary: summary.update(kept=None),
        lambda summary: summary.update(preprocessing={"size": -1}),
    ],
)
def test_a_json_file_that_is_not_a_dataset_summary_is_refused(copy, spoil):
    summary = json.loads((copy / "summary.json").read_bytes())
    spoil(summary)
    (copy / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(DataError, match=r"summary\.json is not the summary of a dataset"):
        Dataset.open(copy)


def test_a_summary_that_is_not_a_json_object_is_refused(copy):
    (copy / "summary.json").write_text("[]")
    with pytest.raises(DataError, match=r"summary\.json is not the summary of a dataset"):
        Dataset.open(copy)


def test_photos_of_another_type_are_refused(copy):
    np.save(copy / "photos.npy", np.zeros((2, 64, 64, 3), np.float32))
    with pytest.raises(DataError, match=r"photos\.npy contains float32, not uint8"):
        Dataset.open(copy)


def test_counts_that_disagree_are_refused(copy, dataset):
    np.save(copy / "photos.npy", dataset.photos[:-1])
    with pytest.raises(DataError, match=r"the files of .* do not match"):
        Dataset.open(copy)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM items WHERE row = 0",
        "UPDATE items SET split = 'dev' WHERE row = 3",
        "UPDATE items SET category = 'Home' WHERE row = 3",
        "UPDATE items SET category = 13 WHERE row = 3",
        "UPDATE items SET category = -1 WHERE row = 3",
    ],
)
def test_an_items_table_out_of_order_is_refused(copy, change):
    with closing(sqlite3.connect(copy / "items.sqlite")) as db, db:
        db.execute(change)
    with pytest.raises(DataError, match=r"items\.sqlite"):
        Dataset.open(copy)


def test_a_dataset_of_an_older_version_has_no_fingerprints(copy):
    with closing(sqlite3.connect(copy / SOURCES)) as db, db:
        db.execute("ALTER TABLE sources DROP COLUMN fingerprint")
    assert Dataset.open(copy).fingerprints() is None
    (copy / SOURCES).unlink()
    assert Dataset.open(copy).fingerprints() is None


def test_missing_fingerprints_are_named(copy):
    with closing(sqlite3.connect(copy / SOURCES)) as db, db:
        db.execute("DELETE FROM sources WHERE row = 0")
    with pytest.raises(DataError, match="bytes of fingerprints for"):
        Dataset.open(copy).fingerprints()
