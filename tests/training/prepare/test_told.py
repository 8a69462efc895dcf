import csv

from training.prepare.settings import PrepareSettings
from training.prepare.told import prepare_and_tell


def test_what_was_kept_is_printed_in_full_once_and_then_in_one_line(write_listings, tmp_path, capsys):
    data = write_listings([{"id": "p", "price": "ask"}], [("i", "p"), ("j", "p"), ("k", "none")])
    out = tmp_path / "out"

    def told():
        prepare_and_tell(data, out, PrepareSettings(size=16))
        return capsys.readouterr().out.splitlines()

    first = told()
    assert "          2 of 3 images" in first
    assert "rejected  1 image: missing_product" in first
    assert any(line.startswith("not read  1 of 1 price cell, first: 'ask'") for line in first)
    assert first[-1] == f"each rejected row and its reason: {out / 'rejected.csv'}"
    short, path = told()
    assert short.startswith("kept 2 of 3 images; rejected: missing_product 1; not read: 1 price cell; ")
    assert path == first[-1]


def test_without_a_rejected_row_its_file_is_not_named(write_listings, tmp_path, capsys):
    prepare_and_tell(write_listings([{"id": "p"}], [("i", "p")]), tmp_path / "out", PrepareSettings(size=16))
    assert "rejected" not in capsys.readouterr().out


def test_a_backslash_of_the_input_is_not_doubled(write_listings, tmp_path):
    data = write_listings([{"id": "p"}], [("i", "p"), ("Bilder\\none.jpg", "p")])
    prepare_and_tell(data, tmp_path / "out", PrepareSettings(size=16))
    with (tmp_path / "out" / "rejected.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert "Bilder\\none.jpg" in row["detail"]
