import pytest

from training.errors import DataError
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

SMALL = PrepareSettings(size=16)


def warnings(data, out, settings=SMALL):
    return prepare(data, out, settings).warnings


def test_empty_splits_are_a_warning(write_folders, tmp_path):
    data = write_folders(["hat/a.jpg", "shoe/b.jpg"])
    few, first, second = warnings(data, tmp_path / "out")
    assert few.startswith("2 categories have fewer than 3 products")
    assert first.startswith("the test split is empty: accuracy and recall cannot be measured")
    assert second.startswith("the validation split is empty")


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "there is 1 test photo:"), (9, "there are 9 test photos:"), (10, None)]
)
def test_few_test_photos_are_a_warning(write_folders, tmp_path, count, expected):
    names = [f"{split}/{kind}/{n}.jpg" for split in ("train", "val") for kind in "ab" for n in range(9)]
    data = write_folders([*names, *(f"test/a/{n}.jpg" for n in range(count))])
    found = warnings(data, tmp_path / "out")
    assert [warning.partition(" the ")[0] for warning in found] == ([expected] if expected else [])


def test_a_single_category_is_a_warning(write_folders, tmp_path):
    data = write_folders([f"hat/{n}.jpg" for n in range(100)])
    (warning,) = warnings(data, tmp_path / "out")
    assert warning.startswith("there is 1 category, 'hat'")


def test_identical_photos_in_two_categories_are_a_warning(write_folders, tmp_path, jpeg):
    data = write_folders([f"{kind}/{n}.jpg" for kind in ("hat", "shoe") for n in range(60)])
    (data / "shoe" / "7.jpg").write_bytes(jpeg(3))
    assert warnings(data, tmp_path / "out") == [
        "1 photo is in more than one category, such as hat/3.jpg and shoe/7.jpg"
    ]


def test_ids_that_match_no_file_are_shown_beside_a_file(write_listings, tmp_path, jpeg):
    ids = [str(n) for n in range(1, 5)]
    photos = {f"photos/{int(name):06}.jpg": jpeg(int(name)) for name in ids}
    data = write_listings([{"id": "p"}], [(name, "p") for name in ids], photos)
    with pytest.raises(
        DataError, match=r"ids look like '1', photo files without a row like 'photos/000001\.jpg'; the rows are in"
    ):
        prepare(data, tmp_path / "out", SMALL)
    assert (tmp_path / "out" / "rejected.csv").read_text().count("missing_photo") == 4


def test_rows_without_a_photo_are_a_warning_if_they_are_half_of_all(write_listings, tmp_path, jpeg):
    photos = {"photos/a.jpg": jpeg(0), "photos/001.jpg": jpeg(1)}
    data = write_listings([{"id": "p"}], [("a", "p"), ("1", "p")], photos)
    assert warnings(data, tmp_path / "out")[-1] == (
        "1 of 2 image rows have no photo; ids look like '1', photo files without a row like 'photos/001.jpg'"
    )


def test_data_without_any_photo_file_says_so(write_listings, tmp_path):
    with pytest.raises(DataError, match="there is no photo file"):
        prepare(write_listings([{"id": "p"}], [("a", "p")], {}), tmp_path / "out", SMALL)
