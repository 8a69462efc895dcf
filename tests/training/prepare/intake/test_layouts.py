import pytest

from training.errors import DataError
from training.prepare.intake import layouts
from training.prepare.intake.fields.reading import Reading
from training.prepare.intake.layouts import layout_of


def kept(intake):
    return [(row.id, row.photo) for _, row in intake.images()]


def test_the_layout_is_detected(write_listings):
    data = write_listings([], [])
    assert layout_of(data) == "listings"
    for name in ("Products.csv", "Images.csv"):
        (data / name).unlink()
    assert layout_of(data) == "folders"


def test_a_single_table_is_read_whatever_lies_beside_it(tmp_path, read_into_tables, jpeg):
    (tmp_path / "new.csv").write_text("id,category,image\n1,Home,a.jpg\n2,Garden,b.jpg\n")
    (tmp_path / "Products.csv").write_text("id,category\n")
    (tmp_path / "Images.csv").write_text("id,product_id\n")
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    intake = read_into_tables(layouts.read, tmp_path / "new.csv", Reading())
    assert kept(intake) == [("a", "a.jpg")]
    assert intake.db.execute("SELECT id, reason FROM rejected").fetchall() == [("b", "missing_photo")]


@pytest.mark.parametrize("table", ["new.csv", ""])
def test_the_photos_may_be_in_another_folder(tmp_path, read_into_tables, jpeg, table):
    data, photos = tmp_path / "tables", tmp_path / "elsewhere"
    for folder in (data, photos / "deep"):
        folder.mkdir(parents=True)
    (data / "new.csv").write_text("id,category,image\n1,Home,a.jpg\n")
    (data / "a.jpg").write_bytes(jpeg(0))
    (photos / "deep" / "a.jpg").write_bytes(jpeg(1))
    intake = read_into_tables(layouts.read, data / table, Reading(), photos)
    assert kept(intake) == [("a", "deep/a.jpg")]


def test_folders_of_photos_have_no_other_folder_of_photos(tmp_path, read_into_tables, jpeg):
    (tmp_path / "data" / "Home").mkdir(parents=True)
    (tmp_path / "data" / "Home" / "a.jpg").write_bytes(jpeg(1))
    with pytest.raises(DataError, match="no table that could name photos"):
        read_into_tables(layouts.read, tmp_path / "data", Reading(), tmp_path)
