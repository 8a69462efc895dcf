import csv
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lambda_app.errors import SettingsError
from training.dataset import Dataset
from training.errors import DataError
from training.pipeline.commands import report_errors
from training.prepare.settings import PrepareSettings
from training.prepare.stage import main, prepare

SMALL = PrepareSettings(size=16)


def rejected(out):
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_sample_is_kept_or_rejected_with_its_reason(sample, dataset):
    _, made = sample
    summary = dataset.summary
    assert summary["layout"] == "listings"
    assert summary["rows_in"] == {"products": made.product_rows, "images": made.image_rows}
    assert summary["kept"]["images"] == made.photos
    assert summary["rejected_by_source"] == {
        "products": {"duplicate_row": 1, "missing_category": 2, "missing_id": 1},
        "images": {
            "duplicate_row": 1,
            "missing_id": 1,
            "missing_photo": 1,
            "missing_product": 3,
            "unreadable_photo": 1,
        },
    }
    for kind, reasons in summary["rejected_by_source"].items():
        assert summary["kept"][kind] + sum(reasons.values()) == summary["rows_in"][kind]
    assert sum(summary["rejected"].values()) == len(rejected(dataset.path))
    assert summary["extra_photos"] == made.planted["photo without row"]
    assert len(summary["categories"]) == 13
    assert summary["warnings"] == []


def test_the_digest_does_not_depend_on_the_number_of_workers(sample_data, dataset, tmp_path):
    settings = PrepareSettings(size=64, workers=1)
    assert prepare(sample_data, tmp_path / "out", settings).digest == dataset.digest
    np.testing.assert_array_equal(Dataset.open(tmp_path / "out").photos, dataset.photos)


def test_no_product_is_in_two_splits(dataset):
    sides = [set(dataset.product[dataset.rows(split)]) for split in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert {split: len(side) for split, side in zip(("train", "validation", "test"), sides, strict=True)} == (
        dataset.summary["split_products"]
    )


def test_folders_of_photos_become_a_dataset(write_folders, tmp_path):
    data = write_folders([f"{split}/hat/{n}.jpg" for split in ("train", "validation") for n in range(10)])
    (data / "train" / "hat" / "broken.jpg").write_bytes(b"no photo")
    (data / "train" / "loose.jpg").write_bytes(b"no category")
    (data / "README.md").write_text("read me")
    summary = prepare(data, tmp_path / "out", SMALL)
    assert summary.layout == "folders"
    assert summary.rows_in == {"products": 21, "images": 22}
    assert summary.kept == {"products": 21, "images": 20}
    assert summary.rejected == {"missing_category": 1, "unreadable_photo": 1}
    assert (summary.extra_photos, summary.extra_files) == (0, 1)
    assert summary.splits == {"train": 7, "validation": 3, "test": 10}
    assert {row["source"] for row in rejected(tmp_path / "out")} == {"train/hat/broken.jpg", "train/loose.jpg"}
    first = next(Dataset.open(tmp_path / "out").items())
    assert (first.photo, first.title, first.price, first.location) == ("train/hat/0.jpg", None, None, None)


@pytest.mark.parametrize("name", ["products.csv", "labels.TSV", "feed.xml", "stock.xlsx"])
def test_a_folder_with_a_table_is_never_a_folder_of_photos(write_folders, tmp_path, capsys, name):
    data = write_folders(["photos/a.jpg", "photos/b.jpg"])
    (data / name).write_text("artikel;preis\n1;2\n")
    assert report_errors(main, [str(data), "--out", str(tmp_path / "out"), "--size", "16"]) == 2
    error = capsys.readouterr().err
    assert name in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_summary_says_what_could_not_be_read(write_listings, tmp_path, caplog):
    caplog.set_level("INFO")
    rows = [
        {"id": f"p{n}", "product_name": "Sofa", "price": price} for n, price in enumerate(["1,50 €", "ask", "", "2 €"])
    ]
    data = write_listings([*rows, {"id": "id", "category": "category"}], [(f"i{n}", f"p{n}") for n in range(3)])
    summary = prepare(data, tmp_path / "out", SMALL)
    assert (summary.currency, summary.null_prices, summary.null_titles, summary.null_locations) == ("EUR", 3, 1, 5)
    assert summary.products_without_photo == 2
    shown = "\n".join(summary.lines())
    assert "not read  1 of 5 price cells, first: 'ask' in Products.csv, line 3" in shown
    assert "null      1 title, 3 prices, 5 locations, 5 descriptions, of 5 products" in shown
    assert "cut " not in shown
    assert "no photo  2 products" in shown
    assert set(summary.understood) <= {record.message for record in caplog.records}
    assert "prices     decimal mark: comma; currency: EUR" in summary.understood


def test_descriptions_are_kept_as_text_and_cuts_are_counted(write_listings, tmp_path):
    texts = ["<p>Solid &amp; old</p>", "oak " * 400, "", "N/A"]
    rows = [{"id": f"p{number}", "product_description": text} for number, text in enumerate(texts)]
    data = write_listings(rows, [("a", "p0"), ("b", "p0"), ("c", "p1"), ("d", "p2")])
    summary = prepare(data, tmp_path / "out", SMALL)
    assert (summary.null_descriptions, summary.cut_descriptions) == (2, 1)
    assert "cut       1 description, to 1,000 characters" in list(summary.lines())
    found = {item.image_id: item.description for item in Dataset.open(tmp_path / "out").items()}
    assert found == {"a": "Solid & old", "b": "Solid & old", "c": ("oak " * 250)[:-1], "d": None}


def test_a_dataset_of_an_older_version_has_no_descriptions(write_listings, tmp_path):
    prepare(write_listings([{"id": "p", "product_description": "Oak"}], [("a", "p")]), tmp_path / "out", SMALL)
    with closing(sqlite3.connect(tmp_path / "out" / "items.sqlite")) as older:
        older.execute("DROP TABLE descriptions")
    assert [item.description for item in Dataset.open(tmp_path / "out").items()] == [None]


def test_options_say_how_tables_are_read(tmp_path, jpeg):
    data = tmp_path / "data"
    data.mkdir()
    (data / "liste.csv").write_bytes("Nr;Art;Bild\n1;стол/a;a.jpg\n2;стул/b;b.jpg\n".encode("cp1251"))
    for number, name in enumerate("ab"):
        (data / f"{name}.jpg").write_bytes(jpeg(number))
    columns = "id=nr,category=Art,image=Bild"
    settings = PrepareSettings(size=16, encoding="cp1251", columns=columns, category_separator="/")
    summary = prepare(data, tmp_path / "out", settings)
    assert summary.categories == ["стол", "стул"]
    assert summary.encoding == {"liste.csv": "cp1251"}
    assert prepare(data, tmp_path / "out", settings.changed(category_separator=None)).categories == ["стол/a", "стул/b"]


def test_a_product_without_a_kept_photo_is_kept_but_has_no_items(write_listings, tmp_path):
    data = write_listings([{"id": "a"}, {"id": "b"}, {"id": "c"}], [("i", "a"), ("j", "b")])
    (data / "photos" / "j.jpg").write_bytes(b"broken")
    summary = prepare(data, tmp_path / "out", SMALL)
    assert summary.kept == {"products": 3, "images": 1}
    assert [item.product_id for item in Dataset.open(tmp_path / "out").items()] == ["a"]
    assert summary.null_prices == 3


def test_the_category_order_comes_from_the_file_or_the_base_release(write_listings, tmp_path):
    rows = [{"id": name, "category": f"{name} / Other"} for name in ("Home", "Games")]
    data = write_listings(rows, [("i", "Home"), ("j", "Games")])
    file = tmp_path / "categories.txt"
    file.write_text("Games\nHome\n")
    base = PrepareSettings(size=16, base_categories=("Art", "Games"))
    assert prepare(data, tmp_path / "out", SMALL).categories == ["Home", "Games"]
    assert prepare(data, tmp_path / "out", base).categories == ["Art", "Games", "Home"]
    both = PrepareSettings(size=16, base_categories=("Art", "Games"), categories=file)
    assert prepare(data, tmp_path / "out", both).categories == ["Games", "Home"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda data: data.touch(), "is not a folder"),
        (lambda data: data.mkdir(), r"holds neither a table of listings .* nor folders of photos"),
        (lambda data: (data / "hat").mkdir(parents=True), "holds no usable photo"),
    ],
)
def test_unusable_data_is_named_in_the_error(tmp_path, make, message):
    data = tmp_path / "data"
    make(data)
    with pytest.raises(DataError, match=message):
        prepare(data, tmp_path / "out", SMALL)
    assert not (tmp_path / "out").exists()


def test_data_without_a_usable_row_is_an_error_with_the_rejections(write_listings, tmp_path):
    data = write_listings([{"id": "a"}], [("i", "a"), ("j", "a")], photos={})
    with pytest.raises(DataError, match=r"no usable photo: 0 of 2 image rows; rejected: \{'missing_photo': 2\}"):
        prepare(data, tmp_path / "out", SMALL)


def test_splits_without_a_photo_to_train_on_are_an_error(write_folders, tmp_path):
    data = write_folders(["train/hat/a.jpg", "test/hat/b.jpg"])
    (data / "train" / "hat" / "a.jpg").write_bytes(b"broken")
    with pytest.raises(DataError, match="has no photo in the training split"):
        prepare(data, tmp_path / "out", SMALL)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_share": 1.0}, "test_share is 1.0; it must be less than 1"),
        ({"validation_share": -0.1}, "validation_share is -0.1; it must be at least 0"),
        ({"test_share": float("nan")}, "test_share is nan; it must be a finite number"),
        ({"size": 8}, "size is 8; it must be at least 16"),
        ({"size": 2048}, "size is 2048; it must be at most 1024"),
        ({"encoding": "no-such"}, "encoding is 'no-such': .*no such text encoding"),
        ({"columns": "colour=Red"}, "columns is 'colour=Red': .*no field 'colour'"),
        ({"category_separator": " "}, "category_separator is ' ': .*not blank"),
        ({"workers": 0}, "workers is 0; it must be at least 1"),
    ],
)
def test_a_setting_out_of_range_is_named_in_the_error(settings, message):
    with pytest.raises(SettingsError, match=message):
        PrepareSettings(**settings)


def test_the_command_prints_what_was_kept(write_listings, tmp_path, capsys):
    data = write_listings([{"id": f"p{n}"} for n in range(10)], [(f"i{n}", f"p{n}") for n in range(10)] + [("x", "?")])
    options = ["--size", "32", "--seed", "3", "--test-share", "0.2", "--validation-share", "0.5", "--workers", "2"]
    assert report_errors(main, [str(data), "--out", str(tmp_path / "out"), *options]) == 0
    shown = capsys.readouterr().out
    assert "kept      10 of 10 products" in shown
    assert "rejected  1 image: missing_product" in shown
    assert "split     4 images of 4 products: train" in shown
    dataset = Dataset.open(tmp_path / "out")
    assert dataset.photos.shape == (10, 32, 32, 3)
    assert dataset.summary["splits"] == {"train": 4, "validation": 4, "test": 2}
    assert dataset.summary["seed"] == 3


@pytest.mark.slow
def test_the_command_runs_as_a_module(write_listings, tmp_path):
    data = write_listings([{"id": "a"}, {"id": "b"}], [("i", "a"), ("j", "b")])
    command = [sys.executable, "-m", "training.prepare", data, "--out", tmp_path / "out", "--size", "16"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["kept"] == {"products": 2, "images": 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere", "--out", "out"], "error: nowhere does not exist"),
        (["data", "--out", "out", "--size", "7"], "error: size is 7; it must be at least 16"),
        (["data", "--out", "out", "--categories", "none.txt"], "error: the categories file none.txt cannot be read"),
        (["data", "--out", "data/out"], "error: data/out and data overlap"),
        (["data", "--out", "occupied"], "error: occupied contains 'thesis.txt'"),
    ],
)
def test_a_user_error_is_reported_in_one_line(write_listings, tmp_path, monkeypatch, capsys, options, message):
    write_listings([{"id": "a"}], [("i", "a")])
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "thesis.txt").touch()
    monkeypatch.chdir(tmp_path)
    assert report_errors(main, options) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["data"], ["data", "--out", "out", "--seed", "x"], ["data", "--out", "out", "--what"]]
)
def test_a_bad_option_is_reported_in_one_line(capsys, options):
    assert report_errors(main, options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_a_file_that_cannot_be_written_is_reported_in_one_line(write_listings, tmp_path, capsys):
    data = write_listings([{"id": "a"}], [("i", "a")])
    (tmp_path / "file").touch()
    assert report_errors(main, [str(data), "--out", str(tmp_path / "file" / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: [Errno ")


def test_another_encoding_gives_the_same_items(sample_data, dataset, tmp_path):
    data = shutil.copytree(sample_data, tmp_path / "data")
    for name in ("Products.csv", "Images.csv"):
        text = (data / name).read_bytes().decode()
        (data / name).write_bytes(text.encode("utf-16"))
    summary = prepare(data, tmp_path / "out", PrepareSettings(size=64))
    assert summary.encoding == {"Products.csv": "utf-16", "Images.csv": "utf-16"}
    assert list(Dataset.open(tmp_path / "out").items()) == list(dataset.items())


def test_the_currency_is_that_of_the_option(write_listings, tmp_path):
    data = write_listings([{"id": "p", "price": "5"}], [("i", "p")])
    first = prepare(data, tmp_path / "out", SMALL)
    second = prepare(data, tmp_path / "out", SMALL.changed(currency="eur"))
    assert (first.currency, second.currency) == (None, "EUR")
    assert second.training_digest == first.training_digest
    assert second.digest != first.digest
    assert "currency  EUR" in "\n".join(second.lines())


def test_a_currency_that_is_none_is_refused():
    with pytest.raises(SettingsError, match=r"currency is 'EUX': it must be a code of ISO 4217 of three letters"):
        PrepareSettings(currency="EUX")
