from pathlib import Path

import pytest

from training.errors import DataError
from training.prepare.intake.fetched import TABLE, FetchedPhoto, read_fetched

HEADER = "url,file,bytes,sha256,content_type\n"
ROW = "https://cdn.example/a.jpg?v=1,a.jpg,3,abc,image/jpeg\n"


def table(data: Path, text: str) -> Path:
    (data / TABLE).parent.mkdir()
    (data / TABLE).write_text(text, encoding="utf-8")
    return data


def test_a_row_says_which_file_holds_the_photo_of_a_url(tmp_path: Path):
    (photo,) = read_fetched(table(tmp_path, HEADER + ROW))
    assert photo == FetchedPhoto("https://cdn.example/a.jpg?v=1", "a.jpg", 3, "abc", "image/jpeg")
    assert photo.path == "photos/a.jpg"


def test_a_folder_without_the_table_has_no_fetched_photos(tmp_path: Path):
    assert list(read_fetched(tmp_path)) == []


def test_half_a_row_at_the_end_is_skipped(tmp_path: Path):
    assert len(list(read_fetched(table(tmp_path, HEADER + ROW + ROW[:-5])))) == 1


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("https://cdn.example/a.jpg,a.jpg\n", "line 3 is damaged"),
        ("https://cdn.example/a.jpg,a.jpg,three,abc,image/jpeg\n", "line 3 is damaged"),
        ("\n", "line 3 is damaged"),
        ("https://cdn.example/a.jpg,../a.jpg,3,abc,image/jpeg\n", "'../a.jpg'"),
        ("https://cdn.example/a.jpg,..\\a.jpg,3,abc,image/jpeg\n", "within photos/"),
        ("https://cdn.example/a.jpg,.lock,3,abc,image/jpeg\n", "'.lock'"),
        ("https://cdn.example/a.jpg,,3,abc,image/jpeg\n", "''"),
    ],
)
def test_a_damaged_row_is_an_error(tmp_path: Path, row: str, named: str):
    with pytest.raises(DataError, match=named.replace(".", r"\.").replace("\\\\", "\\\\\\\\")):
        list(read_fetched(table(tmp_path, HEADER + ROW + row)))
