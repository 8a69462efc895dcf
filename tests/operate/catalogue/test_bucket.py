"""`scripts/catalogue` on a bucket: it writes the log, and the promoter applies it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from lambda_app.catalogue.changes import Upsert
from lambda_app.catalogue.log import entries, entry_key
from lambda_app.promoter import take_drop
from lambda_app.promotion.stored import stored_manifest
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from operate.catalogue.command import main
from operate.catalogue.overview import wait_until_live
from tests.catalogue_changes import has, live
from tests.lambda_events import BUCKET
from tests.releases import build_release, publish_directly
from tests.s3_server import S3Server

URL = f"s3://{BUCKET}/shop"


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with closing(S3Server()) as server:
        yield server


@pytest.fixture
def store(s3: S3Server, tmp_path, monkeypatch) -> S3Store:
    """A store with a live release; the environment names the account, as that of an operator does."""
    for name, value in {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing", "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    found = s3.store("shop", tmp_path / "cache")
    publish_directly(found, tmp_path / "built", build_release(tmp_path / "built", currency="GBP"))
    s3.requests.clear()
    return found


@pytest.fixture
def run(store, capsys):
    def command(*words: object) -> tuple[int, str, str]:
        code = main(["--store", URL, *map(str, words)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command


def promote(store: S3Store, number: int) -> str:
    """What the promoter does when an entry of the log is written."""
    return take_drop(store, entry_key(number), Settings(store=str(store), threads=1))["outcome"]


def test_added_photos_are_copied_once_and_are_live_after_the_promoter(store, run, tmp_path):
    photo = (tmp_path / "built" / "photos" / "000a.jpg").read_bytes()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.jpg").write_bytes(photo)
    table = tmp_path / "shop" / "new.csv"
    table.write_text("id,category,title,price,image\nnew,Home & Garden,Lamp,£12.50,a.jpg\n", encoding="utf-8")
    code, out, err = run("add", table)
    assert (code, err) == (0, "")
    assert "photos: 1 copied, 0 already there" in out
    assert f"1 change is in the log of {URL}: entry 1" in out
    (entry,) = entries(store, 0)
    (change,) = entry.lines
    assert isinstance(change, Upsert)
    image_id = change.item.image_id
    assert not has(live(store), image_id)
    assert promote(store, 1) == "live"
    item = live(store).item(image_id)
    assert (item.title, item.price) == ("Lamp", 12.5)
    assert store.read(item.photo) == photo
    assert "photos: 0 copied, 1 already there" in run("add", table)[1]


def test_prices_removals_and_blocks_reach_the_bucket_without_a_list(s3, store, run, tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text("image_id,price\n000a,£7.25\n", encoding="utf-8")
    for words in (("update", prices), ("remove", "001a"), ("block", "002a")):
        code, _, err = run(*words)
        assert (code, err) == (0, "")
    assert [request.key for request in s3.requests if request.method == "GET" and request.key in ("", BUCKET)] == []
    assert promote(store, 2) == "live"
    found = live(store)
    assert (found.item("000a").price, has(found, "001a")) == (7.25, False)
    assert b"002a" in store.read("blocked.json")
    assert wait_until_live(store, 2, 1.0).startswith("entry 2 is live; servers show it within")


def test_the_log_shows_what_waits_for_the_promoter(store, run):
    run("remove", "001a")
    assert [line.split()[3] for line in run("log")[1].splitlines()[1:]] == ["waiting"]
    promote(store, 1)
    assert [line.split()[3] for line in run("log")[1].splitlines()[1:]] == ["live"]


def test_an_error_of_the_bucket_is_one_line(s3, store, run):
    with s3.refusing(403, "AccessDenied"):
        code, _, err = run("remove", "001a")
    assert code == 1
    assert "scripts/catalogue: " in err
    assert len(err.splitlines()) == 1
    assert not store.exists(entry_key(1))


def test_a_release_of_the_bucket_says_when_it_was_made(store, run):
    run("remove", "001a")
    promote(store, 1)
    pointer = store.read_pointer()
    manifest = stored_manifest(store, pointer.pointer.release)
    assert manifest.created_at <= datetime.now(UTC)
    assert manifest.changes_through == 1
