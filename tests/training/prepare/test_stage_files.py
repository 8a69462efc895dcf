import csv

from training.dataset import Dataset
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

SMALL = PrepareSettings(size=16)


def rejected(out):
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_link_in_a_circle_rejects_that_photo_only(write_listings, tmp_path, jpeg):
    data = write_listings([{"id": "p"}], [("i", "p"), ("j", "p")], {"photos/i.jpg": jpeg(0)})
    (data / "photos" / "j.jpg").symlink_to("j.jpg")
    summary = prepare(data, tmp_path / "out", SMALL)
    assert summary.rejected == {"unreadable_photo": 1}
    assert "Too many levels of symbolic links" in rejected(tmp_path / "out")[0]["detail"]


def test_every_file_is_used_or_counted_with_an_example(write_listings, tmp_path, jpeg):
    paths = ["photos/i.jpg", "photos/i.png", "photos/extra.jpg", "images/more.webp", "photos/notes.txt", "read me"]
    data = write_listings([{"id": "p"}], [("i", "p")], dict.fromkeys(paths, jpeg(0)) | {"read me": b"text"})
    summary = prepare(data, tmp_path / "out", SMALL)
    assert (summary.photo_files, summary.extra_photos, summary.extra_files) == (4, 3, 2)
    assert summary.photo_files == summary.kept["images"] + summary.extra_photos
    shown = "\n".join(summary.lines())
    assert "unused    3 photos without a row, 2 other files, such as photos/extra.jpg, photos/i.png" in shown


def test_unsupported_formats_are_rejected_as_such_wherever_they_lie(write_listings, tmp_path, jpeg):
    photos = {"photos/a.gif": b"GIF89a" + bytes(20), "images/b.jpg": b"\0\0\0\x18ftypheic" + bytes(20)}
    photos |= {"photos/c.heic": jpeg(0), "photos/d.jpg": b"<html>"}
    data = write_listings([{"id": "p"}], [(name, "p") for name in "abcd"], photos)
    assert prepare(data, tmp_path / "out", SMALL).kept["images"] == 1
    reasons = {row["id"]: row["reason"] for row in rejected(tmp_path / "out")}
    assert reasons == {"a": "unsupported_photo", "b": "unsupported_photo", "d": "unreadable_photo"}


def test_a_wrapper_folder_is_entered_and_stays_in_the_paths_of_photos(write_folders, tmp_path):
    data = write_folders([f"my-dataset/{kind}/{n}.jpg" for kind in ("cats", "dogs") for n in range(3)])
    summary = prepare(data, tmp_path / "out", SMALL)
    assert (summary.categories, summary.folder) == (["cats", "dogs"], "my-dataset")
    assert next(Dataset.open(tmp_path / "out").items()).photo == "my-dataset/cats/0.jpg"
