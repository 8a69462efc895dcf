import os
import re
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from fetch.command import main
from tests.fetch.shop import LOOPBACK, Shop, photo
from training.prepare.intake.fetched import read_fetched

ROOT = Path(__file__).parents[2]
# Runs the command in a process of its own, in which the shop's host is at the loopback address.
DRIVER = """
import resource, signal, ssl, sys
from fetch.command import main
from fetch.connections import Network

limit = int(sys.argv[2])
if limit:  # the largest file that may be written: a stand-in for a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
tls = ssl.create_default_context(cafile=sys.argv[1])
sys.exit(main(sys.argv[3:], Network(lambda host: ["127.0.0.1"], lambda address: True, tls)))
"""


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return tmp_path / "feed.csv"


def write(feed: Path, *urls: str) -> None:
    feed.write_text("\n".join(["image", *urls, ""]))


def arguments(shop: Shop, feed: Path, *more: str) -> list[str]:
    out = str(feed.parent / "out")
    return [str(feed), "--out", out, "--extra-port", str(shop.port), "--backoff-seconds", "0", *more]


def start(shop: Shop, feed: Path, *more: str, limit: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", DRIVER, str(shop.authority), str(limit), *arguments(shop, feed, *more)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_exit_code_says_whether_all_photos_are_there(shop: Shop, feed: Path, capsys: pytest.CaptureFixture[str]):
    write(feed, shop.add("/a.jpg", photo()), shop.url("/later.jpg"))
    assert main(arguments(shop, feed), shop.network()) == 1
    assert "1 failed (1 http_status)" in capsys.readouterr().out
    shop.add("/later.jpg", photo(1))
    assert main(arguments(shop, feed), shop.network()) == 0
    assert "2 of 2 photos" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--max-mib", "-1"], "max_mib is -1"),
        (["--paralel", "2"], "did you mean --parallel"),
        (["--extra-port", "x"], "extra_port is 'x'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    shop: Shop, feed: Path, capsys: pytest.CaptureFixture[str], more: list[str], named: str
):
    write(feed)
    assert main(arguments(shop, feed, *more)) == 2
    printed = capsys.readouterr().err
    assert named in printed
    assert printed.count("\n") == 1
    assert main([str(feed.with_name("absent")), "--out", str(feed.parent / "out")]) == 2
    assert "absent is neither a file nor a folder" in capsys.readouterr().err


def test_from_the_command_line_this_machine_is_not_asked(shop: Shop, feed: Path, capsys: pytest.CaptureFixture[str]):
    """Without the tests' network, even a URL that names the loopback address."""
    write(feed, *(f"https://{host}:{shop.port}/a.jpg" for host in (LOOPBACK, "localhost", "2130706433", "[::1]")))
    assert main(arguments(shop, feed)) == 1
    printed = capsys.readouterr().out
    assert "4 private_address" in printed
    assert "a server on this machine or in a private network cannot be" in printed
    assert shop.connections == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_where_it_stopped(
    shop: Shop, feed: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
):
    def interrupting(request: BaseHTTPRequestHandler) -> None:
        while not (feed.parent / "out" / "photos" / "0.jpg").exists():
            shop.closing.wait(0.01)
        os.kill(os.getpid(), number)
        shop.closing.wait(20)

    first = shop.add("/0.jpg", photo())
    write(feed, first, shop.add("/1.jpg", interrupting), shop.add("/2.jpg", photo(2)))
    before = signal.getsignal(signal.SIGTERM)
    assert main(arguments(shop, feed, "--parallel", "1"), shop.network()) == 130
    assert signal.getsignal(signal.SIGTERM) is before
    printed = capsys.readouterr().err
    line = r"scripts/fetch: interrupted after [01] photos; the same command goes on from there\n"
    assert re.fullmatch(line, printed)
    assert [row.url for row in read_fetched(feed.parent / "out")] == [first]
    shop.add("/1.jpg", photo(1))
    shop.asked.clear()
    assert main(arguments(shop, feed), shop.network()) == 0
    assert sorted(path for _, path in shop.asked) == ["/1.jpg", "/2.jpg"]


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(shop: Shop, feed: Path):
    urls = [shop.add(f"/{n}.jpg", photo(n)) for n in range(40)]
    write(feed, *urls)
    process = start(shop, feed, "--parallel", "2")

    def killing(request: BaseHTTPRequestHandler) -> None:
        process.kill()
        shop.closing.wait(20)

    shop.add("/20.jpg", killing)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    out = feed.parent / "out"
    there = {row.url for row in read_fetched(out) if (out / row.path).is_file()}
    assert 0 < len(there) <= 21
    shop.add("/20.jpg", photo(20))
    shop.asked.clear()
    assert main(arguments(shop, feed), shop.network()) == 0
    assert sorted(shop.url(path) for _, path in shop.asked) == sorted(set(urls) - there)
    assert {row.url: (out / row.path).read_bytes() for row in read_fetched(out)} == {
        url: photo(n) for n, url in enumerate(urls)
    }
    assert not list((out / "photos").glob(".*.partial"))


@pytest.mark.slow
def test_a_full_disk_is_one_line(shop: Shop, feed: Path):
    write(feed, shop.add("/small.jpg", photo()), shop.add("/large.jpg", photo() + bytes(10**6)))
    process = start(shop, feed, "--parallel", "1", limit=10**5)
    _, problem = process.communicate(timeout=60)
    assert process.returncode == 2
    assert problem.count("\n") == 1
    assert "large.jpg cannot be written" in problem
    out = feed.parent / "out"
    assert sorted(path.name for path in (out / "photos").iterdir()) == [
        ".lock",
        "failures.csv",
        "photos.csv",
        "small.jpg",
    ]
    assert main(arguments(shop, feed), shop.network()) == 0
