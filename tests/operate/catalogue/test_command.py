import json
from datetime import UTC, datetime

import pytest

from lambda_app.catalogue.changes import Remove, Update, Upsert
from lambda_app.catalogue.log import append, entries
from lambda_app.promotion.promotion import rollback
from lambda_app.settings import Settings
from lambda_app.store.blocked import read_blocked
from lambda_app.store.folder import FolderStore
from operate.catalogue.command import main
from operate.catalogue.overview import wait_until_live
from operate.catalogue.photos import CatalogueError
from tests.releases import build_release, publish_directly

HOME, BABY = "Home & Garden", "Baby & Kids Stuff"


@pytest.fixture
def store(tmp_path):
    """A store with a live release, whose prices are in pounds."""
    found = FolderStore(tmp_path / "store")
    publish_directly(found, tmp_path / "built", build_release(tmp_path / "built", currency="GBP"))
    return found


@pytest.fixture
def shop(tmp_path):
    """A data folder with photos, among them one that does not decode, and a table."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in ("a", "b"):
        source = tmp_path / "built" / "photos" / f"00{'ab'.index(name)}a.jpg"
        (folder / f"{name}.jpg").write_bytes(source.read_bytes())
    (folder / "bad.jpg").write_bytes(b"no photo")
    return folder


def changes(store):
    return [line for entry in entries(store, 0) for line in entry.lines]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_listings_are_added_with_their_photos_and_what_is_rejected_is_listed(store, run, shop, tmp_path):
    table = write(
        shop / "new.csv",
        "id,category,title,price,image",
        f'1,{HOME},Lamp,"£1,234.50",a.jpg',
        f"2,{BABY},Cot,£5.00,b.jpg",
        f"3,{HOME},Bad,£5.00,bad.jpg",
        f"4,{HOME},Gone,£5.00,gone.jpg",
    )
    code, out, err = run("add", table, "--rejected", tmp_path / "rejected.csv")
    assert (code, err) == (0, "")
    assert "2 changes are in the log" in out
    assert "photos: 2 copied, 0 already there" in out
    lamp, cot = changes(store)
    assert isinstance(lamp, Upsert)
    assert (lamp.item.image_id, lamp.item.product_id, lamp.item.title, lamp.item.price) == ("a", "1", "Lamp", 1234.5)
    assert store.read(lamp.item.photo) == (shop / "a.jpg").read_bytes()
    assert cot.item.photo == "datasets/shop/b.jpg"
    rejected = (tmp_path / "rejected.csv").read_text()
    assert "missing_photo" in rejected
    assert "unreadable_photo" in rejected
    assert "missing_photo" in out


def test_a_photo_by_url_that_was_not_fetched_is_rejected_with_what_to_run(run, shop):
    table = write(
        shop / "new.csv", "id,category,image", f"1,{HOME},https://shop.test/x.jpg", f"2,{HOME},a.jpg", f"3,{HOME},y.jpg"
    )
    out = run("add", table)[1]
    assert "no photo file named 'https://shop.test/x.jpg'; run scripts/fetch first" in out
    assert "no photo file named 'y.jpg'\n" in out


def test_a_photo_with_other_bytes_gets_a_key_of_its_own_and_an_equal_one_is_not_copied(store, run, shop):
    table = write(shop / "new.csv", "id,category,image", f"1,{HOME},a.jpg")
    assert run("add", table)[0] == 0
    assert "photos: 0 copied, 1 already there" in run("add", table)[1]
    (first, again) = changes(store)
    assert first.item.photo == again.item.photo
    before = store.read(first.item.photo)
    (shop / "a.jpg").write_bytes((shop / "b.jpg").read_bytes())
    assert "photos: 1 copied, 0 already there" in run("add", table)[1]
    assert "photos: 0 copied, 1 already there" in run("add", table)[1]
    changed = changes(store)[2]
    assert changed.item.photo != first.item.photo
    assert store.read(changed.item.photo) == (shop / "b.jpg").read_bytes()
    assert store.read(first.item.photo) == before


def test_an_unknown_category_is_told_before_anything_is_written(store, run, shop):
    table = write(shop / "new.csv", "id,category,image", f"1,{HOME},a.jpg", "2,Boats,b.jpg")
    code, _, err = run("add", table)
    assert code == 1
    assert "does not know 'Boats' (1)" in err
    assert err.count("\n") == 1
    assert changes(store) == []
    assert not store.exists("datasets/shop/a.jpg")
    assert run("add", table, "--skip-unknown")[0] == 0
    assert [change.item.image_id for change in changes(store)] == ["a"]


@pytest.mark.parametrize("options", [["--dry-run"], ["--name", "no/name"]])
def test_nothing_is_written_by_a_dry_run_or_under_a_bad_name(store, run, shop, options):
    code, _, _ = run("add", write(shop / "new.csv", "id,category,image", f"1,{HOME},a.jpg"), *options)
    assert code == (options[0] == "--name")
    assert changes(store) == []
    assert not list(store.keys("datasets/shop/"))


def test_prices_in_another_currency_are_refused(store, run, shop):
    table = write(shop / "new.csv", "id,category,price,image", f"1,{HOME},€5.00,a.jpg")
    code, _, err = run("add", table)
    assert code == 1
    assert "in EUR, those of the live release" in err
    assert changes(store) == []


@pytest.mark.parametrize("verb", ["add", "update"])
def test_rows_in_another_currency_than_the_live_release_are_rejected(store, run, shop, verb):
    column = "image" if verb == "add" else "location"
    lines = [f"1,{HOME},£5,a.jpg", f"2,{HOME},$20,b.jpg", f"3,{HOME},€30,a.jpg", f"4,{HOME},7,b.jpg"]
    table = write(shop / "new.csv", f"{'id' if verb == 'add' else 'product_id'},category,price,{column}", *lines)
    code, out, _ = run(verb, table)
    assert code == (3 if verb == "update" else 0)  # the live release has no such products, so no update is applied
    assert "2: other_currency: the price '$20' is in $, not in GBP, the currency of the live release" in out
    assert "3: other_currency: the price '€30' is in EUR, not in GBP" in out
    assert "compared as plain numbers" not in out
    prices = [
        change.item.price if isinstance(change, Upsert) else change.set.given()["price"] for change in changes(store)
    ]
    assert prices == [5.0, 7.0]


def test_a_currency_that_is_named_for_all_prices_counts(store, run, tmp_path):
    table = write(tmp_path / "new.csv", "image_id,price", "000a,£5", "000b,$20")
    assert run("update", table, "--currency", "GBP")[0] == 0
    assert [change.set.given() for change in changes(store)] == [{"price": 5.0}, {"price": 20.0}]


def test_a_table_updates_what_its_cells_say(store, run, tmp_path):
    table = write(
        tmp_path / "new.csv",
        "product_id;title;price;location",
        "product-001;;9,50;",
        "product-002;New title;;null",
        "product-003;;on request;",
        "product-004;;;",
        ";x;;",
    )
    code, out, _ = run("update", table)
    assert code == 0
    assert all(isinstance(change, Update) for change in changes(store))
    assert [(change.product_id, change.set.given()) for change in changes(store)] == [
        ("product-001", {"price": 9.5}),
        ("product-002", {"title": "New title", "location": None}),
    ]
    for reason in ("unreadable_price", "nothing_to_change", "missing_id"):
        assert reason in out


def test_descriptions_are_added_and_updated_as_plain_text(store, run, shop, tmp_path):
    long = "oak " * 300
    listings = [f"1,{HOME},a.jpg,<p>Of oak</p>", f"2,{BABY},b.jpg,{long}"]
    table = write(shop / "new.csv", "id,category,image,Body (HTML)", *listings)
    assert "warning: 1 description was cut to 1,000 characters" in run("add", table)[1]
    assert [change.item.description for change in changes(store)] == ["Of oak", long[:999]]
    lines = ["product_id,description", "1,<b>Pi</b>ne &amp; ash", "2,null", f"product-001,{long}", "product-002,"]
    out = run("update", write(tmp_path / "new.csv", *lines))[1]
    assert "1 description was cut to 1,000 characters" in out
    updates = [(change.product_id, change.set.given()) for change in changes(store) if isinstance(change, Update)]
    texts = {"1": "Pine & ash", "2": None, "product-001": long[:999]}
    assert updates == [(product, {"description": text}) for product, text in texts.items()]


def test_an_update_by_photo_takes_its_id_first(store, run, tmp_path):
    table = write(tmp_path / "new.csv", "image_id,product_id,category", f"001a,product-001,{HOME}")
    assert run("update", table)[0] == 0
    (change,) = changes(store)
    assert (change.image_id, change.product_id, change.set.given()) == ("001a", None, {"category": HOME})


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["image_id,category", "001a,Boats"], "does not know 'Boats'"),
        (["title,price", "x,1"], "lacks a column image_id or product_id"),
        (["image_id,colour", "001a,red"], "lacks a column for title or category"),
        (["image_id,price", "001a,"], "there is nothing to change"),
    ],
)
def test_an_update_that_cannot_be_used_writes_nothing(store, run, tmp_path, lines, told):
    code, _, err = run("update", write(tmp_path / "new.csv", *lines))
    assert code == 1
    assert told in err
    assert err.count("\n") == 1
    assert changes(store) == []


def test_ids_come_from_arguments_and_from_a_file(store, run, tmp_path):
    ids = write(tmp_path / "ids.txt", "001b", "", "001a")
    assert run("remove", "001a", "--file", ids)[0] == 0
    assert run("remove", "--products", "product-004")[0] == 0
    assert changes(store) == [
        Remove(image_id="001a"),
        Remove(image_id="001b"),
        Remove(product_id="product-004"),
    ]
    assert "no id is given" in run("remove")[2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Stühle\n".encode("latin-1"), "ids.txt is not in UTF-8"),
        (b"x" * 70_000, "image_id: has 70,000 bytes; the limit is 65,536"),
        (b"a\0b", "image_id: contains the character NUL"),
    ],
)
def test_a_file_with_ids_that_cannot_be_is_one_line_and_writes_nothing(store, run, tmp_path, content, told):
    (tmp_path / "ids.txt").write_bytes(content)
    code, _, err = run("remove", "--file", tmp_path / "ids.txt")
    assert (code, err.count("\n")) == (1, 1)
    assert told in err
    assert changes(store) == []


def test_a_row_over_a_limit_is_rejected_and_the_others_are_written(store, run, tmp_path):
    table = write(tmp_path / "new.csv", "image_id,title", f"000a,{'x' * 70_000}", "000b,Lamp", "000c,a\0b")
    code, out, _ = run("update", table)
    assert code == 0
    assert "000a: unusable_value: title: has 70,000 bytes; the limit is 65,536" in out
    assert "000c: unusable_value: title: contains the character NUL" in out
    assert [line.image_id for line in changes(store)] == ["000b"]


def test_items_are_blocked_and_unblocked(store, run):
    assert "within its reload interval" in run("block", "001a", "002a")[1]
    assert run("block", "--products", "product-004")[0] == 0
    assert run("unblock", "001a")[0] == 0
    found = read_blocked(store)
    assert found is not None
    blocked = found.items
    assert (blocked.image_ids, blocked.product_ids) == (("002a",), ("product-004",))
    assert changes(store) == []


def test_what_is_blocked_is_listed_and_unknown_ids_are_named(store, run):
    assert run("blocked")[1] == "blocked are 0 photos and 0 products\n"
    out = run("block", "001a", "nosuch")[1]
    assert "blocked 2 photos; blocked are now 2 photos and 0 products" in out
    assert "not in the live release, and blocked anyway: 'nosuch'" in out
    out = run("block", "--products", "product-004", "none")[1]
    assert "not in the live release, and blocked anyway: 'none'" in out
    assert run("blocked")[1].splitlines() == [
        "blocked are 2 photos and 2 products",
        "photo    001a",
        "photo    nosuch  (not in the live release)",
        "product  product-004",
        "product  none  (not in the live release)",
    ]


def test_ids_that_change_nothing_are_named(store, run):
    run("block", "001a")
    assert "blocked 1 photo; blocked are now 2 photos and 0 products" in (out := run("block", "001a", "002a")[1])
    assert "blocked already: '001a'" in out
    assert "unblocked 1 photo; blocked are now 1 photo and 0 products" in (out := run("unblock", "001a", "never")[1])
    assert "not blocked: 'never'" in out


def test_an_item_is_blocked_although_nothing_is_live(tmp_path, capsys):
    (tmp_path / "empty" / "releases").mkdir(parents=True)
    code = main(["--store", str(tmp_path / "empty"), "block", "001a"])
    out = capsys.readouterr().out
    assert (code, "blocked 1 photo;" in out, "nothing is live" in out) == (0, True, True)
    assert main(["--store", str(tmp_path / "empty"), "blocked"]) == 0
    assert "photo    001a\n" in capsys.readouterr().out


def test_the_log_says_which_entries_are_live_and_which_have_rejected_changes(store, run):
    assert "is empty" in run("log")[1]
    run("remove", "001a")
    run("remove", "002a", "nobody")
    pointer = store.read_pointer().pointer
    manifest = json.loads(store.read(f"releases/{pointer.release}/manifest.json"))
    store.write(f"releases/{pointer.release}/manifest.json", json.dumps(manifest | {"changes_through": 1}).encode())
    store.write("rejected/changes/000000000002.json", b"{}")
    _, second, first = run("log")[1].splitlines()
    assert second.split()[:1] + second.split()[3:7] == ["2", "waiting", "*", "2", "remove"]
    assert first.split()[:1] + first.split()[3:6] == ["1", "live", "1", "remove"]
    assert len(run("log", "--last", "1")[1].splitlines()) == 2


def test_the_log_says_what_a_rollback_undid(store, run):
    run("remove", "001a")
    rollback(store, Settings(store=str(store.root)))
    assert [line.split()[3] for line in run("log")[1].splitlines()[1:]] == ["live", "undone"]


def test_waiting_ends_with_an_error_if_the_entry_does_not_go_live(store):
    append(store, [Remove(image_id="001a")], "test", "batch", datetime.now(UTC))
    with pytest.raises(CatalogueError, match="entry 1 is in the log, but not live after 0 s"):
        wait_until_live(store, 1, seconds=0)


def test_changes_come_from_a_file_and_a_wrong_line_stops_all_of_them(store, run, tmp_path):
    remove = '{"op": "remove", "image_id": "001a"}'
    wrong = write(tmp_path / "wrong.jsonl", remove, '{"op": "sell"}', "", "{")
    code, _, err = run("apply", wrong)
    assert code == 1
    assert "line 2 of " in err
    assert "line 4 of " in err
    assert changes(store) == []
    code, out, _ = run("apply", write(tmp_path / "changes.jsonl", remove))
    assert (code, "1 change applied" in out) == (0, True)


@pytest.mark.parametrize("options", [[], ["--wait"]])
def test_changes_of_a_folder_are_live_when_the_command_ends(store, run, options):
    code, out, _ = run("remove", "001a", "nobody", *options)
    assert code == 0
    assert "contains the log up to entry 1: 1 change applied, 1 rejected" in out
    assert "1 change could not be applied; rejected/changes/000000000001.json has the reasons:" in out
    assert "change 2 of entry 1: no item has the image_id 'nobody'" in out


def test_of_many_rejected_changes_the_first_ten_are_told(store, run):
    out = run("remove", *(f"none{number}" for number in range(12)))[1]
    assert out.count("no item has the image_id") == 10
    assert "  and 2 more\n" in out


def test_the_columns_of_the_training_serve_a_table_that_lacks_an_optional_one(store, run, shop):
    table = write(shop / "new.csv", "Nr,Gruppe,Bild", f"1,{HOME},a.jpg")
    columns = "id=Nr,category=Gruppe,image=Bild,description=Beschreibung,price=Preis"
    code, out, _ = run("add", table, "--columns", columns)
    assert code == 0
    assert "warning: --columns: no table has the column 'Beschreibung'; new.csv has 'Nr', 'Gruppe', 'Bild'" in out
    assert "warning: --columns: no table has the column 'Preis'" in out
    assert len(changes(store)) == 1
    code, _, err = run("add", table, "--columns", columns.replace("Bild", "Foto"))
    assert code == 1
    assert "no table has the column 'Foto'" in err


@pytest.mark.parametrize("options", [[], ["--wait"]])
def test_only_rejected_changes_give_exit_code_3(store, run, tmp_path, options):
    assert run("remove", "nobody", "none", *options)[0] == 3
    assert run("update", write(tmp_path / "prices.csv", "image_id,price", "nobody,5.00"), *options)[0] == 3
    lines = write(tmp_path / "changes.jsonl", '{"op": "remove", "image_id": "nobody"}')
    assert run("apply", lines, *options)[0] == 3
    assert len(changes(store)) == 4


def test_an_id_of_a_product_among_those_of_photos_is_told(run):
    code, out, _ = run("remove", "product-001", "nobody")
    assert code == 3
    assert "no item has the image_id 'product-001'; a product has that id" in out
    assert "--products" in out
    assert "no item has the image_id 'nobody'\n" in out
    assert run("remove", "--products", "product-001")[0] == 0
    assert "a product has that id" not in run("remove", "product-001")[1]


@pytest.mark.parametrize("words", [["sell"], ["log", "--last", "0"], ["add"], ["update", "x.csv", "--colour", "red"]])
def test_wrong_usage_is_one_line_and_exit_code_2(run, words):
    code, _, err = run(*words)
    assert code == 2
    assert err.startswith("scripts/catalogue: ")
    assert err.count("\n") == 1


def test_a_mistyped_store_is_not_made(tmp_path, capsys):
    assert main(["--store", str(tmp_path / "nowhere"), "log"]) == 1
    assert "is not a store" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_compact_merges_what_was_added_and_removed(store, run):
    assert "there is nothing to merge" in run("compact")[1]
    run("remove", "000a")
    code, out, _ = run("compact")
    assert (code, "1 segments with 40 rows became one of 39, without 1 dead rows" in out) == (0, True)
    assert "there is nothing to merge" in run("compact")[1]


def test_the_store_is_named_before_or_after_the_verb(store, capsys):
    for words in (["--store", str(store.root), "log"], ["log", "--store", str(store.root)]):
        assert main(words) == 0
        assert "is empty" in capsys.readouterr().out
    assert main(["log"]) == 2
    assert "--store is missing" in capsys.readouterr().err


def test_added_photos_are_counted_as_new_or_replaced(store, run, shop):
    table = write(shop / "new.csv", "id,category,image", f"1,{HOME},a.jpg")
    assert "1 photo (1 new, 0 replaced)" in run("add", table)[1]
    write(table, "id,category,image", f"1,{HOME},a.jpg", f"2,{HOME},b.jpg")
    assert "2 photos (1 new, 1 replaced) would be added" in run("add", table, "--dry-run")[1]
    assert "2 photos (1 new, 1 replaced)" in run("add", table)[1]


def test_a_photo_of_another_product_is_replaced_only_by_an_id_that_the_table_names(store, run, shop):
    (shop / "000a.jpg").write_bytes((shop / "b.jpg").read_bytes())
    table = write(shop / "new.csv", "id,category,image", f"t1,{HOME},000a.jpg", f"t2,{HOME},a.jpg")
    code, out, _ = run("add", table)
    assert code == 0
    assert "000a: other_product: the photo '000a' of product 't1' has the id of a photo of product 'product-000'" in out
    assert [change.item.image_id for change in changes(store)] == ["a"]
    write(table, "id,category,image,image_id", f"t1,{HOME},000a.jpg,000a")
    assert "1 photo (0 new, 1 replaced)" in run("add", table)[1]
    assert changes(store)[1].item.product_id == "t1"
