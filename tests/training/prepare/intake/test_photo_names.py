import unicodedata

import pytest

from training.prepare.intake.tables import Intake

NFC = unicodedata.normalize("NFC", "größe")
NFD = unicodedata.normalize("NFD", "größe")


@pytest.fixture
def names(tmp_path):
    intake = Intake(tmp_path / "intake.sqlite")
    yield intake.photos
    intake.close()


def found(names, files, name):
    for path in files:
        names.add(path)
    return names.find(name, name)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("photos/a.jpg", "a"),
        ("photos/a.jpg", "a.jpg"),
        ("photos/a.jpg", "A"),
        ("photos/a.JPG", "a.jpg"),
        ("photos/a.jpg", "a.png"),
        ("photos/a.jpg", "photos/a"),
        ("photos/2026/11/a.jpg", "2026/11/a"),
        ("photos/a.jpg", "2026\\11\\a.jpg"),
        ("photos/a.jpg", "/somewhere/else/a.jpg"),
        ("images/a.jpg", "https://shop.example/files/a.jpg?v=17#top"),
        ("images/my photo.jpg", "https://shop.example/my%20photo.jpg"),
        ("a", "a"),
        ("a", "a.jpg"),
        ("a.jpg.jpg", "a"),
        ("a.jpg_large", "a"),
        ("photos/b.c", "b.c"),
        ("photos/b.c.jpg", "b.c"),
        (f"photos/{NFC}.jpg", NFD),
        (f"photos/{NFD}.jpg", NFC),
        ("photos/STRASSE.jpg", "straße"),
    ],
)
def test_a_name_means_the_file_that_it_resembles(names, file, name):
    assert found(names, [file, "photos/other.jpg"], name) == file
    assert names.doubtful == 0
    assert names.unnamed(5) == ["photos/other.jpg"]


@pytest.mark.parametrize("name", ["b", "../b", ".", "..", "/", "%", "_", "a' OR 1=1 --", "a\0", "", "https://[a", "aa"])
def test_a_name_is_never_a_path_or_a_pattern(names, name):
    assert found(names, ["photos/a.jpg"], name) is None


@pytest.mark.parametrize(
    ("files", "name", "expected", "doubtful"),
    [
        (["photos/A.jpg", "photos/a.jpg"], "A", "photos/A.jpg", 0),
        (["photos/A.jpg", "photos/a.jpg"], "a", "photos/a.jpg", 0),
        (["photos/a.png", "photos/a.jpg"], "a.png", "photos/a.png", 0),
        (["x/1.jpg", "y/1.jpg"], "y/1", "y/1.jpg", 0),
        (["photos/x/1.jpg", "photos/y/1.jpg"], "https://shop.example/y/1.jpg", "photos/y/1.jpg", 0),
        (["a.jpg", "photos/a.png"], "a", "photos/a.png", 1),
        (["images/a.jpg", "photos/a.webp"], "a", "photos/a.webp", 1),
        (["photos/small/a.jpg", "photos/a.webp"], "a", "photos/a.webp", 1),
        (["photos/a.png", "photos/a.jpeg", "photos/a.gif"], "a", "photos/a.jpeg", 1),
    ],
)
def test_the_exact_name_is_first_and_equal_ones_have_a_fixed_order(names, files, name, expected, doubtful):
    assert found(names, files, name) == expected
    assert names.doubtful == doubtful
    if doubtful:
        assert names.first_doubt.startswith(f"{name!r} is {expected}, not ")


def test_the_unnamed_files_that_contain_a_text_come_first(names):
    for path in ("photos/a.jpg", "photos/b.jpg", "photos/0007.jpg"):
        names.add(path)
    assert names.unnamed(1, like="7") == ["photos/0007.jpg"]
    assert names.unnamed(2) == ["photos/0007.jpg", "photos/a.jpg"]
