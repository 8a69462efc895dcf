"""Tests of `sample.generate`: the files of a whole catalogue."""

import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from sample.generate import generate
from sample.picture.categories import CATEGORIES
from sample.tables import IMAGE_COLUMNS, PRODUCT_COLUMNS

PRODUCT = PRODUCT_COLUMNS.index("id")
CATEGORY = PRODUCT_COLUMNS.index("category")


def rows_of(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    """The rows below the header, split as a spreadsheet does, except that a CR without LF is data."""
    with path.open(encoding=encoding, newline="") as file:
        text = file.read().replace("\r", "␍")
    return list(csv.reader(text.splitlines(keepends=True)))[1:]


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def decodes(path: Path) -> bool:
    try:
        with Image.open(path) as photo:
            photo.load()
    except OSError:
        return False
    return True


def test_the_summary_counts_what_the_files_hold(small):
    out, summary = small
    products, images = rows_of(out / "Products.csv"), rows_of(out / "Images.csv")
    assert (summary.product_rows, summary.image_rows) == (len(products), len(images))
    assert summary.photo_files == len(list((out / "photos").iterdir()))
    assert {len(row) for row in products} == {len(PRODUCT_COLUMNS)}
    assert {len(row) for row in images} == {len(IMAGE_COLUMNS)}


def test_categories_first_appear_in_their_order(small):
    out, _ = small
    roots = [row[CATEGORY].split(" / ")[0] for row in rows_of(out / "Products.csv")]
    seen = [root for root in dict.fromkeys(roots) if root not in ("", "N/A")]
    assert seen == [category.name for category in CATEGORIES]


def test_every_category_has_products_with_two_photos(small):
    out, _ = small
    photos = Counter(row[2] for row in rows_of(out / "Images.csv"))
    two = {row[CATEGORY].split(" / ")[0] for row in rows_of(out / "Products.csv") if photos[row[PRODUCT]] == 2}
    assert {category.name for category in CATEGORIES} <= two


def test_the_rows_that_pass_every_check_are_the_requested_number_of_photos(small):
    out, summary = small
    sellable = {row[PRODUCT] for row in rows_of(out / "Products.csv") if row[CATEGORY] not in ("", "N/A")} - {""}
    kept = {
        image
        for _, image, product in rows_of(out / "Images.csv")
        if product in sellable and decodes(out / "photos" / f"{image}.jpg")
    }
    assert len(kept) == summary.photos == 60


def test_each_kind_of_damaged_row_and_photo_occurs(small):
    out, _ = small
    products, images = rows_of(out / "Products.csv"), rows_of(out / "Images.csv")
    product_ids, image_ids = {row[PRODUCT] for row in products}, {row[1] for row in images}
    files = {path.stem: path for path in (out / "photos").iterdir()}
    assert [Counter(map(tuple, rows)).most_common(1)[0][1] for rows in (products, images)] == [2, 2]
    assert len(product_ids - {row[2] for row in images} - {""}) == 1
    assert len({row[2] for row in images} - product_ids) == 1
    assert len(image_ids - set(files) - {""}) == 1
    assert len(set(files) - image_ids) == 1
    assert [decodes(path) for path in files.values()].count(False) == 1
    assert "" in product_ids
    assert "" in image_ids


def test_one_photo_is_cmyk_and_one_is_rotated_by_exif(small):
    out, _ = small
    modes: Counter[str] = Counter()
    orientations: Counter[int] = Counter()
    for path in (out / "photos").iterdir():
        with Image.open(path) as photo:
            modes[photo.mode] += 1
            orientations[photo.getexif().get(0x0112, 1)] += 1
    assert modes["CMYK"] == 1
    assert orientations[6] == 1


def test_the_summary_names_every_kind_of_mess(small):
    _, summary = small
    assert len(summary.planted) == 29
    assert all(count > 0 for count in summary.planted.values())


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_the_encoding_changes_only_the_tables(small, tmp_path, encoding):
    out, _ = small
    generate(tmp_path / "other", photos=60, encoding=encoding, workers=1)
    for name in ("Products.csv", "Images.csv"):
        assert rows_of(tmp_path / "other" / name, encoding) == rows_of(out / name)


def test_another_seed_draws_another_catalogue(small, tmp_path):
    out, _ = small
    generate(tmp_path / "other", photos=60, seed=1, workers=1)
    assert not set(digests(out).values()) & set(digests(tmp_path / "other").values())


@pytest.mark.slow
def test_any_number_of_processes_writes_the_same_bytes(tmp_path):
    for workers in (1, 2):
        generate(tmp_path / str(workers), photos=60, workers=workers)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_a_folder_that_is_not_empty_is_refused(small):
    out, _ = small
    before = digests(out)
    with pytest.raises(FileExistsError, match="is not empty; give a folder"):
        generate(out, photos=60)
    assert digests(out) == before


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no-such"])
def test_an_encoding_that_cannot_hold_the_text_is_refused(tmp_path, encoding):
    with pytest.raises(ValueError, match=encoding):
        generate(tmp_path / "out", photos=60, encoding=encoding)
    assert not list(tmp_path.iterdir())


def test_the_remains_of_a_killed_run_are_replaced(tmp_path):
    stale = tmp_path / "out.partial" / "photos"
    stale.mkdir(parents=True)
    (stale / "stale.jpg").write_bytes(b"half a photo")
    summary = generate(tmp_path / "out", photos=60, workers=1)
    assert len(list((tmp_path / "out" / "photos").iterdir())) == summary.photo_files
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_progress_is_printed_on_request(tmp_path, capsys):
    generate(tmp_path / "out", photos=60, workers=1, progress=True)
    assert "photos 65/65" in capsys.readouterr().err
