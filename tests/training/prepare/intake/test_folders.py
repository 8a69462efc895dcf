import os
import re
from functools import partial

import pytest

from training.errors import DataError
from training.prepare.intake import folders


@pytest.fixture
def take(read_into_tables):
    """Read a folder of category folders; returns the working tables."""
    return partial(read_into_tables, folders.read)


def taken(intake):
    sql = "SELECT photo, category, given_split FROM images JOIN products ON products.number = product"
    return intake.db.execute(sql).fetchall()


def test_each_photo_is_a_separate_product_in_the_category_of_its_folder(write_folders, take):
    intake = take(write_folders(["hat/b.jpg", "hat/a.png", "shoe/deep/c.webp"]))
    assert taken(intake) == [("hat/a.png", "hat", None), ("hat/b.jpg", "hat", None), ("shoe/deep/c.webp", "shoe", None)]
    assert intake.db.execute("SELECT count(DISTINCT product) FROM images").fetchone() == (3,)
    assert intake.rows_in == {"products": 3, "images": 3}


@pytest.mark.parametrize(
    ("present", "splits"),
    [
        (["train"], {"train": None}),
        (["train", "test"], {"train": None, "test": "test"}),
        (["train", "validation"], {"train": None, "validation": "test"}),
        (["train", "validation", "test"], {"train": None, "validation": "validation", "test": "test"}),
    ],
)
def test_split_folders_keep_their_splits(write_folders, take, present, splits):
    intake = take(write_folders([f"{name}/hat/a.jpg" for name in present]))
    assert {path.split("/")[0]: split for path, _, split in taken(intake)} == splits
    assert {category for _, category, _ in taken(intake)} == {"hat"}


def test_rows_are_ordered_by_path_with_the_training_photos_first(write_folders, take):
    intake = take(write_folders(["test/zebra/a.jpg", "train/hat/b.jpg", "test/ant/a.jpg", "train/ant/z.jpg"]))
    assert [path for path, _, _ in taken(intake)] == [
        "train/ant/z.jpg",
        "train/hat/b.jpg",
        "test/ant/a.jpg",
        "test/zebra/a.jpg",
    ]


def test_a_category_may_have_the_name_of_a_split(write_folders, take):
    intake = take(write_folders(["train/locomotive.jpg", "car/a.jpg"]))
    assert taken(intake) == [("car/a.jpg", "car", None), ("train/locomotive.jpg", "train", None)]


def test_photos_outside_category_folders_are_rejected(write_folders, take):
    intake = take(write_folders(["train/hat/a.jpg", "train/loose.jpg", "other/hat/b.jpg", "root.jpg"]))
    assert [path for path, _, _ in taken(intake)] == ["train/hat/a.jpg"]
    assert intake.db.execute("SELECT source, record, reason, detail FROM rejected ORDER BY source").fetchall() == [
        ("other/hat/b.jpg", None, "missing_category", "it is outside train/"),
        ("root.jpg", None, "missing_category", "it is outside train/"),
        ("train/loose.jpg", None, "missing_category", "it is not in a category folder"),
    ]
    assert intake.rows_in == {"products": 1, "images": 4}


def test_other_files_are_counted_and_photos_of_other_formats_are_rows(write_folders, take):
    intake = take(write_folders(["hat/a.jpg", "hat/b.gif", "hat/notes.txt", "README.md", "hat/.c.jpg"]))
    assert [path for path, _, _ in taken(intake)] == ["hat/a.jpg", "hat/b.gif"]
    assert intake.extra_files == 2


def test_a_file_name_that_is_not_text_is_rejected(write_folders, take, jpeg):
    data = write_folders(["hat/a.jpg"])
    (data / "hat" / os.fsdecode(b"\xff.jpg")).write_bytes(jpeg(0))
    intake = take(data)
    (row,) = intake.db.execute("SELECT source, reason FROM rejected")
    assert row == (r"'hat/\udcff.jpg'", "unreadable_photo")
    assert intake.rows_in["images"] == 2


def test_splits_without_train_are_an_error(write_folders, take):
    with pytest.raises(DataError, match="has test/ and validation/ with categories, but no train/"):
        take(write_folders(["test/hat/a.jpg", "validation/hat/a.jpg"]))


def test_photo_ids_are_stable_unique_and_safe_in_a_url():
    paths = [
        "hat/a.jpg",
        "shoe/a.jpg",
        "hat/a.png",
        "hat/A.jpg",
        "hat/é %?#&.jpg",
        "hat/" + "long" * 60 + ".jpg",
        "hat/😀.jpg",
    ]
    ids = [folders.photo_id(path) for path in paths]
    assert ids == [folders.photo_id(path) for path in paths]
    assert len(set(ids)) == len(paths)
    assert all(re.fullmatch(r"[a-z0-9-]{16,60}", image_id) for image_id in ids)
    assert ids[0].startswith("a-")
