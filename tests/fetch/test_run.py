import csv
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from fetch.run import Summary, fetch
from tests.fetch.shop import Shop, answer, in_turn, photo
from training.errors import DataError
from training.prepare.intake.fetched import FAILURES, read_fetched
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def feed_of(out: Path, *urls: str) -> Path:
    """A feed with one product for each URL."""
    feed = out.parent / "feed.csv"
    with feed.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "image"], *([str(number), url] for number, url in enumerate(urls))])
    return feed


def run(shop: Shop, out: Path, *urls: str, **changes: float) -> Summary:
    summary = fetch(feed_of(out, *urls), out, shop.settings(**changes), network=shop.network())
    assert summary.downloaded + summary.kept + len(summary.failed) == summary.urls == len(set(urls))
    with (out / FAILURES).open(newline="") as file:
        assert [row["url"] for row in csv.DictReader(file)] == [row.url for row in summary.failed]
    return summary


def reasons(summary: Summary) -> list[str]:
    return sorted(row.failure.reason for row in summary.failed)


def files(out: Path) -> set[str]:
    return {path.name for path in (out / "photos").iterdir()} - {"photos.csv", "failures.csv", ".lock"}


def test_the_photos_of_a_feed_are_downloaded_and_recorded(shop: Shop, out: Path):
    urls = [shop.add(f"/{folder}/chair.png?v={n}", photo(n)) for n, folder in enumerate("abc")]
    summary = run(shop, out, *urls, urls[0])
    assert (summary.downloaded, summary.failed) == (3, [])
    found = {row.url: (out / row.path).read_bytes() for row in read_fetched(out)}
    assert found == {url: photo(n) for n, url in enumerate(urls)}
    assert "chair.jpg" in files(out)  # the ending that the bytes have
    assert len(files(out)) == 3
    assert (out / "feed.csv").read_bytes() == feed_of(out, *urls, urls[0]).read_bytes()


def test_names_do_not_depend_on_which_answer_comes_first(shop: Shop, out: Path, tmp_path: Path):
    urls = [shop.add(f"/{n}/same.jpg", photo(n)) for n in range(8)]
    named = []
    for folder in (out, tmp_path / "again"):
        folder.mkdir(exist_ok=True)
        run(shop, folder, *urls)
        named.append({row.url: row.file for row in read_fetched(folder)})
    assert named[0] == named[1]


def test_a_second_run_downloads_only_what_is_missing_new_damaged_or_failed(shop: Shop, out: Path):
    urls = [shop.add(f"/{n}.jpg", photo(n)) for n in range(5)]
    shop.pages["/4.jpg"] = answer(b"", 404)
    run(shop, out, *urls)
    (out / "photos" / "1.jpg").unlink()
    (out / "photos" / "2.jpg").write_bytes(b"damaged")
    shop.add("/4.jpg", photo(4))
    shop.asked.clear()
    summary = run(shop, out, *urls, shop.add("/5.jpg", photo(5)))
    assert sorted(path for _, path in shop.asked) == ["/1.jpg", "/2.jpg", "/4.jpg", "/5.jpg"]
    assert (summary.downloaded, summary.kept, summary.failed) == (4, 2, [])
    assert files(out) == {f"{n}.jpg" for n in range(6)}
    shop.asked.clear()
    assert run(shop, out, *urls).kept == 5
    assert shop.asked == []


def test_a_file_of_someone_else_is_not_replaced(shop: Shop, out: Path):
    run(shop, out)
    (out / "photos" / "CHAIR.png").write_bytes(b"mine")
    run(shop, out, shop.add("/chair.jpg", photo()))
    assert (out / "photos" / "CHAIR.png").read_bytes() == b"mine"
    assert len(files(out)) == 2


def test_each_failure_is_listed_with_its_reason_status_and_attempts(shop: Shop, out: Path):
    summary = run(
        shop,
        out,
        shop.add("/good.jpg", photo()),
        shop.add("/page.jpg", b"<html>"),
        shop.url("/absent.jpg"),
        shop.add("/broken.jpg", answer(b"", 500)),
        "http://shop.test/plain.jpg",
        "https://10.0.0.1/a.jpg?sig=secret",
        attempts=2,
    )
    with (out / FAILURES).open(newline="") as file:
        rows = {row["url"].rpartition("/")[2]: row for row in csv.DictReader(file)}
    assert {name: (row["reason"], row["status"], row["attempts"]) for name, row in rows.items()} == {
        "page.jpg": ("not_a_photo", "200", "1"),
        "absent.jpg": ("http_status", "404", "1"),
        "broken.jpg": ("http_status", "500", "2"),
        "plain.jpg": ("not_https", "", "0"),
        "a.jpg?sig=secret": ("no_such_host", "", "2"),  # the tests' resolver knows no numbers
    }
    printed = "\n".join(summary.lines(out))
    assert "1 of 6 photos" in printed
    assert "2 http_status" in printed
    assert "--http-as-https" in printed
    assert "private_address" not in printed
    assert "secret" not in printed


def test_an_attempt_that_may_succeed_later_is_repeated(shop: Shop, out: Path):
    cut = answer(photo()[:50], Content_Length="5000", Connection="close")
    pages = in_turn(answer(b"", 500), answer(b"", 503, Retry_After="0"), cut, answer(photo()))
    assert run(shop, out, shop.add("/a.jpg", pages)).downloaded == 1
    assert len(shop.asked) == 4


def test_a_host_that_limits_requests_does_not_lose_photos(shop: Shop, out: Path):
    """Every second request is refused, far more often than the attempts at one photo."""
    lock, count = threading.Lock(), [0]

    def page(request: BaseHTTPRequestHandler) -> None:
        with lock:
            count[0] += 1
            busy = count[0] % 2
        (answer(b"", 429) if busy else answer(photo(int(request.path[1:-4]))))(request)

    urls = [shop.add(f"/{n}.jpg", page) for n in range(20)]
    assert run(shop, out, *urls, attempts=1).downloaded == 20
    assert count[0] == 40


def test_a_host_that_stays_busy_is_left_alone(shop: Shop, out: Path):
    urls = [shop.add(f"/{n}.jpg", answer(b"", 429)) for n in range(50)]
    summary = run(shop, out, *urls, shop.add("/good.jpg", photo(), "cdn.test"), parallel=1)
    assert summary.downloaded == 1
    assert reasons(summary) == ["host_down"] * 49 + ["throttled"]
    assert len(shop.asked) == 11


def test_a_host_that_cannot_be_reached_is_left_alone(shop: Shop, out: Path):
    summary = run(shop, out, *(f"https://gone.test/{n}.jpg" for n in range(50)), attempts=2)
    assert set(reasons(summary)) == {"host_down", "no_such_host"}
    assert sum(row.attempts for row in summary.failed) < 20


def test_few_photos_are_asked_of_one_host_at_once(shop: Shop, out: Path):
    lock, running, most = threading.Lock(), [0], [0]
    two_run = threading.Event()

    def page(request: BaseHTTPRequestHandler) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == 2:
                two_run.set()
        two_run.wait(10)
        with lock:
            running[0] -= 1
        answer(photo())(request)

    run(shop, out, *(shop.add(f"/{n}.jpg", page) for n in range(12)), per_host=2, parallel=8)
    assert most[0] == 2


def test_limits_of_count_and_bytes_end_as_failures(shop: Shop, out: Path):
    urls = [shop.add(f"/{n}.jpg", photo(n) + bytes(6 * 2**20)) for n in range(4)]
    summary = run(shop, out, *urls, max_photos=3, max_total_gib=0.01, parallel=1)
    assert summary.downloaded == 1
    assert reasons(summary) == ["too_many_bytes"] * 2 + ["too_many_photos"]


def test_the_end_of_the_time_ends_pauses_too(shop: Shop, out: Path):
    urls = [shop.add(f"/{n}.jpg", answer(b"", 429, Retry_After="200")) for n in range(3)]
    summary = run(shop, out, *urls, max_minutes=0.01, parallel=2)
    assert reasons(summary) == ["out_of_time"] * 3


def test_a_feed_without_urls_downloads_nothing(shop: Shop, out: Path):
    assert run(shop, out).urls == 0


def test_an_unusable_feed_leaves_the_folder_as_it_was(shop: Shop, out: Path):
    with pytest.raises(DataError):
        fetch(out / "absent.csv", out, shop.settings())
    assert list(out.iterdir()) == []


def test_prepare_reads_the_folder_and_finds_each_photo(shop: Shop, tmp_path: Path):
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "Products.csv").write_text(
        "id,product_name,category,price,location\n"
        + "".join(f"p{n},Chair {n},{'Chairs' if n % 2 else 'Tables'},£1,Berlin\n" for n in range(8))
    )
    urls = [shop.add(f"/files/chair-{n}.png?v=1", photo(n)) for n in range(8)]
    rows = "".join(f"chair-{n},p{n},{url}\n" for n, url in enumerate(urls))
    (feed / "Images.csv").write_text(f"id,product_id,image_link\n{rows}")
    assert fetch(feed, tmp_path / "data", shop.settings(), network=shop.network()).downloaded == 8
    summary = prepare(tmp_path / "data", tmp_path / "dataset", PrepareSettings(size=16))
    assert summary.rows_in["images"] == summary.kept["images"] == 8
