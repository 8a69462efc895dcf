import csv

import pytest
from PIL import Image, ImageEnhance

from lambda_app.catalogue.changes import Upsert
from lambda_app.catalogue.log import entries
from lambda_app.settings import Settings
from lambda_app.store.blocked import block
from lambda_app.store.folder import FolderStore
from operate.catalogue.command import main
from operate.catalogue.duplicates import duplicate_groups, live_release
from operate.catalogue.duplicates_page import write_page
from tests.releases import build_release, publish_directly

HOME = "Home & Garden"


@pytest.fixture
def store(tmp_path):
    """A store whose release tells the two photos of a product apart: they differ by noise."""
    found = FolderStore(tmp_path / "store")
    manifest = build_release(tmp_path / "built", printed=True)
    publish_directly(found, tmp_path / "built", manifest)
    return found


@pytest.fixture
def shop(tmp_path):
    """New listings: one of a new photo, one of the same mirrored, one of a listed photo made smaller."""
    folder = tmp_path / "shop"
    folder.mkdir()
    new = Image.effect_mandelbrot((96, 96), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    listed = Image.open(tmp_path / "built" / "photos" / "003a.jpg").convert("RGB")
    for name, photo in (
        ("new", new),
        ("again", new.resize((80, 80))),
        ("listed", ImageEnhance.Brightness(listed).enhance(0.8)),
    ):
        photo.save(folder / f"{name}.jpg", quality=90)
    lines = [f"{name}-1,{HOME},{name},{name}.jpg" for name in ("new", "again", "listed")]
    (folder / "new.csv").write_text("\n".join(["id,category,title,image", *lines]) + "\n")
    return folder


def added(store):
    lines = [line for entry in entries(store, 0) for line in entry.lines]
    return [line.item.image_id for line in lines if isinstance(line, Upsert)]


def test_without_copies_there_are_no_groups(run):
    assert run("duplicates")[:2] == (0, "0 groups of listings with the same photo; 0 photos in all\n")


def test_copies_that_were_added_are_a_group_in_the_table_and_on_the_page(run, shop, tmp_path):
    assert run("add", shop / "new.csv", "--photos", shop)[0] == 0
    table, page = tmp_path / "same.csv", tmp_path / "same.html"
    code, out, err = run("duplicates", "--csv", table, "--page", page)
    assert (code, err) == (0, "")
    assert "2 groups" in out
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["group"], set()).add(row["image_id"])
    assert sorted(map(sorted, found.values())) == [["003a", "listed"], ["again", "new"]]
    text = page.read_text()
    assert text.count('src="data:image/jpeg;base64,') >= 2
    assert "http" not in text.replace("http-equiv", "")


def test_one_group_is_no_plural(run, shop, tmp_path):
    table = shop / "new.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:3]))
    run("add", table)
    out = run("duplicates", "--page", tmp_path / "same.html")[1]
    assert "1 group of listings with the same photo; 2 photos in all" in out
    assert "<p>1 group.</p>" in (tmp_path / "same.html").read_text()


def test_blocked_items_are_in_no_group(run, shop, store):
    run("add", shop / "new.csv", "--photos", shop)
    block(store, image_ids=["003a"])
    groups = duplicate_groups(live_release(store, Settings(store="unused")), store)
    assert [[member.item.image_id for member in group] for group in groups] == [["new", "again"]]


def test_photos_that_are_listed_already_or_repeated_are_not_added_but_listed(run, shop, store, tmp_path):
    rejected = tmp_path / "rejected.csv"
    code, out, err = run("add", shop / "new.csv", "--photos", shop, "--skip-duplicates", "--rejected", rejected)
    assert (code, err) == (0, "")
    assert added(store) == ["new"]
    with rejected.open(newline="") as file:
        rows = {row["id"]: (row["reason"], row["detail"]) for row in csv.DictReader(file)}
    assert rows == {
        "again": ("duplicate_photo", "shows the same photo as 'new', which comes earlier"),
        "listed": ("duplicate_photo", "shows the same photo as the listed '003a'"),
    }
    assert "duplicate_photo" in out


def test_a_photo_may_replace_itself(run, shop, store, tmp_path):
    run("add", shop / "new.csv", "--photos", shop, "--skip-duplicates")
    code, _, _ = run("add", shop / "new.csv", "--photos", shop, "--skip-duplicates")
    assert code == 0
    assert added(store) == ["new", "new"]


def test_a_page_says_which_photo_is_missing(store, tmp_path, run, shop):
    run("add", shop / "new.csv", "--photos", shop)
    store.delete("datasets/shop/new.jpg")
    page = tmp_path / "page.html"
    write_page(page, duplicate_groups(live_release(store, Settings(store="unused")), store), store)
    assert "No picture" in page.read_text()


def test_a_release_without_fingerprints_is_refused(tmp_path, capsys):
    store = FolderStore(tmp_path / "old")
    publish_directly(store, tmp_path / "plain", build_release(tmp_path / "plain"))
    assert main(["--store", str(store.root), "duplicates"]) == 1
    assert "made without fingerprints" in capsys.readouterr().err
