import gzip
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest

from fetch.connections import Connections, Network
from fetch.download import Downloaded, Downloader, retry_after
from fetch.failure import FetchFailedError
from tests.fetch.shop import Page, Shop, answer, in_turn, photo, redirect


class Client:
    """Downloads from a shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._opened: list[Connections] = []

    def download(self, url: str, network: Network | None = None, **changes: float) -> Downloaded:
        return self.downloader(network, **changes).download(url)

    def downloader(self, network: Network | None = None, **changes: float) -> Downloader:
        settings = self.shop.settings(**changes)
        self._opened.append(Connections(settings, network or self.shop.network()))
        return Downloader(settings, self._opened[-1])

    def failure(self, url: str, network: Network | None = None, **changes: float) -> FetchFailedError:
        with pytest.raises(FetchFailedError) as caught:
            self.download(url, network, **changes)
        return caught.value

    def close(self) -> None:
        for connections in self._opened:
            connections.close()


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    made = Client(shop)
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_downloaded_with_its_checksum_and_its_type_by_its_bytes(shop: Shop, client: Client, kind: str):
    content = photo(kind=kind)
    found = client.download(shop.add("/a.bin?v=1", answer(content, Content_Type="application/octet-stream")))
    assert found == Downloaded(content, hashlib.sha256(content).hexdigest(), f"image/{kind.lower()}")
    assert shop.asked == [("shop.test", "/a.bin?v=1")]
    assert shop.headers[0]["Accept-Encoding"] == "identity"
    assert shop.headers[0]["Host"] == f"shop.test:{shop.port}"


def test_a_photo_of_several_chunks_arrives_whole(shop: Shop, client: Client):
    def in_chunks(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for part in (content[:7], content[7:]):
            request.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        request.wfile.write(b"0\r\n\r\n")

    def to_the_end(request: BaseHTTPRequestHandler) -> None:
        answer(content, Content_Length="", Connection="close")(request)
        vars(request)["says_goodbye"] = True

    content = photo() + bytes(200_000)
    assert client.download(shop.add("/a.jpg", in_chunks)).data == content
    assert client.download(shop.add("/b.jpg", to_the_end)).data == content


def test_one_connection_serves_several_photos(shop: Shop, client: Client):
    downloader = client.downloader()
    for colour in range(3):
        downloader.download(shop.add(f"/{colour}.jpg", photo(colour)))
    downloader.download(shop.add("/old.jpg", redirect(shop.url("/0.jpg"))))
    assert shop.connections == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced(shop: Shop, client: Client):
    def hang_up(request: BaseHTTPRequestHandler) -> None:
        answer(photo())(request)
        request.close_connection = True

    downloader = client.downloader()
    url = shop.add("/a.jpg", hang_up)
    assert [downloader.download(url).data for _ in range(3)] == [photo()] * 3
    assert shop.connections == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(shop: Shop, client: Client, status: int):
    shop.add("/b.jpg", redirect("../c%20ü.jpg".encode().decode("latin-1"), status))
    shop.add("/c%20%C3%BC.jpg", photo())
    assert client.download(shop.add("/a.jpg", redirect(shop.url("/b.jpg", "cdn.test"), status))).data == photo()
    assert [host for host, _ in shop.asked] == ["shop.test", "cdn.test", "cdn.test"]


def test_redirects_are_limited(shop: Shop, client: Client):
    assert client.failure(shop.add("/a.jpg", redirect("/a.jpg"))).reason == "too_many_redirects"
    assert len(shop.asked) == 6


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://cdn.test/a.jpg", "not_https"),
        ("file:///etc/passwd", "not_https"),
        ("https://10.0.0.1/a.jpg", "private_address"),
        ("https://169.254.169.254/latest/meta-data/", "private_address"),
        ("https://[::1]/a.jpg", "private_address"),
        ("https://inside.test/a.jpg", "private_address"),
        ("https://user:secret@cdn.test/a.jpg", "bad_url"),
        ("https://cdn.test:22/a.jpg", "refused_port"),
        ("https://[broken/a.jpg", "bad_url"),
        ("", "bad_answer"),
    ],
)
def test_each_redirect_is_checked_like_the_first_url(shop: Shop, client: Client, location: str, reason: str):
    literals = {host: [host] for host in ("10.0.0.1", "169.254.169.254", "::1")}
    network = shop.network({"inside.test": ["192.168.1.1"], **literals})
    failure = client.failure(shop.add("/a.jpg", redirect(location)), network)
    assert failure.reason == reason
    assert "secret" not in failure.detail
    assert len(shop.asked) == 1


def test_the_connection_goes_to_the_address_that_was_checked(shop: Shop, client: Client):
    """A host name that is rebound: its first address is allowed, each later one is private."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    network = Network(resolve, shop.network().allowed, shop.network().tls)
    downloader = client.downloader(network)
    assert downloader.download(shop.add("/a.jpg", photo())).data == photo()
    assert asked == ["shop.test"]
    assert client.failure(shop.url("/a.jpg"), network).reason == "private_address"
    assert len(shop.asked) == 1


def test_a_certificate_must_be_that_of_the_host(shop: Shop, client: Client):
    network = shop.network({"evil.test": ["127.0.0.1"]})
    failure = client.failure(shop.add("/a.jpg", photo(), "evil.test"), network)
    assert (failure.reason, failure.passing) == ("tls_error", False)
    assert "Hostname mismatch" in failure.detail
    assert client.failure(shop.url("/a.jpg"), Network(network.resolve, network.allowed)).reason == "tls_error"
    assert shop.asked == []


def test_hosts_that_do_not_answer_are_told_apart(shop: Shop, client: Client):
    assert client.failure(shop.url("/a.jpg", "nowhere.test")).reason == "no_such_host"
    closed = client.failure("https://shop.test/a.jpg", extra_port=1)  # nothing listens at port 443
    assert (closed.reason, closed.passing) == ("no_connection", True)


@pytest.mark.parametrize(("status", "passing"), [(404, False), (403, False), (410, False), (500, True), (502, True)])
def test_a_status_that_is_no_success_fails(shop: Shop, client: Client, status: int, passing: bool):
    failure = client.failure(shop.add("/a.jpg", answer(photo(), status)))
    assert (failure.reason, failure.status, failure.passing) == ("http_status", status, passing)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_host_says_how_long_to_wait(shop: Shop, client: Client, status: int):
    failure = client.failure(shop.add("/a.jpg", answer(b"", status, Retry_After="7")))
    assert (failure.reason, failure.wait, failure.status) == ("throttled", 7.0, status)


def test_retry_after_is_seconds_or_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < (retry_after(soon) or 0) <= 90
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert [retry_after(text) for text in ("", "soon", "-1", "1.5")] == [None] * 4


def test_a_photo_over_the_limit_is_refused_by_its_header(shop: Shop, client: Client):
    failure = client.failure(shop.add("/a.jpg", answer(b"", Content_Length=str(2**21))), max_mib=1)
    assert failure.reason == "too_large"
    assert "2,097,152 bytes or more; the limit is 1 MiB" in failure.detail


def test_a_photo_over_the_limit_is_refused_while_it_arrives(shop: Shop, client: Client):
    sent = []

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(photo())
        while not shop.closing.is_set():
            request.wfile.write(bytes(2**16))
            sent.append(2**16)

    failure = client.failure(shop.add("/a.jpg", endless), max_mib=1)
    assert failure.reason == "too_large"
    client.close()
    assert sum(sent) < 2**24


def test_a_run_has_a_limit_of_bytes(shop: Shop, client: Client):
    downloader = client.downloader(max_total_gib=0.01)
    url = shop.add("/a.jpg", photo() + bytes(6 * 2**20))
    downloader.download(url)
    for _ in range(2):
        with pytest.raises(FetchFailedError, match="limit") as caught:
            downloader.download(url)
        assert caught.value.reason == "too_many_bytes"
    assert len(shop.asked) == 2


def trickle(shop: Shop, start: bytes) -> Page:
    """One byte at a time, each soon enough for the limit between two of them."""

    def page(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(start)
        while not shop.closing.wait(0.02):
            request.wfile.write(b"a")

    return page


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + photo()[:20],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 20,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + b"HTTP/1.1 100 C",
    ],
    ids=["status", "header", "body", "chunk", "interim"],
)
def test_a_server_that_sends_byte_by_byte_meets_the_deadline(shop: Shop, client: Client, start: bytes):
    failure = client.failure(shop.add("/a.jpg", trickle(shop, start)), photo_seconds=0.3, read_seconds=5)
    assert (failure.reason, failure.passing) == ("too_slow", True)


def test_a_server_that_sends_nothing_is_left_after_the_read_limit(shop: Shop, client: Client):
    def silent(request: BaseHTTPRequestHandler) -> None:
        shop.closing.wait()

    assert client.failure(shop.add("/a.jpg", silent), read_seconds=0.1, photo_seconds=30).reason == "too_slow"


def cut(content: bytes, *headers: bytes, goodbye: bool = False) -> Page:
    """An answer whose connection ends after these bytes; `goodbye`: with the end that TLS has."""

    def page(request: BaseHTTPRequestHandler) -> None:
        vars(request)["says_goodbye"] = goodbye
        request.wfile.write(b"\r\n".join((b"HTTP/1.1 200 OK", *headers, b"", content)))
        request.close_connection = True

    return page


@pytest.mark.parametrize(
    "page",
    [
        cut(photo()[:100], b"Content-Length: 5000"),
        cut(photo()[:100], b"Connection: close"),
        cut(b"80\r\n" + photo()[:100], b"Transfer-Encoding: chunked"),
        cut(photo()[:100], b"Content-Length: 5000", goodbye=True),
        cut(b"80\r\n" + photo()[:100], b"Transfer-Encoding: chunked", goodbye=True),
    ],
    ids=["length", "close", "chunked", "length, TLS ended", "chunked, TLS ended"],
)
def test_a_body_that_ends_early_is_no_photo(shop: Shop, client: Client, page: Page):
    failure = client.failure(shop.add("/a.jpg", page))
    assert (failure.reason, failure.passing) == ("truncated", True)


def test_a_compressed_answer_is_not_unpacked(shop: Shop, client: Client):
    bomb = gzip.compress(photo() + bytes(10 * 2**20))
    failure = client.failure(shop.add("/a.jpg", answer(bomb, Content_Encoding="gzip")), max_mib=1)
    assert (failure.reason, failure.detail) == ("bad_answer", "the answer has the content encoding 'gzip'")


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html><title>Not found</title>", b"GIF89a" + bytes(20), b"", b"\xff", b"<svg/>"]
)
def test_bytes_that_are_no_photo_fail(shop: Shop, client: Client, body: bytes):
    failure = client.failure(shop.add("/a.jpg", answer(body, Content_Type="image/jpeg")))
    assert (failure.reason, failure.passing) == ("not_a_photo", False)


@pytest.mark.parametrize("sent", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 999999 \r\n\r\n", b"\x00" * 70000])
def test_an_answer_that_is_not_http_fails(shop: Shop, client: Client, sent: bytes):
    def page(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(sent)
        request.close_connection = True

    assert client.failure(shop.add("/a.jpg", page)).reason == "bad_answer"


def test_a_failed_photo_does_not_spoil_the_next_one(shop: Shop, client: Client):
    downloader = client.downloader()
    url = shop.add("/a.jpg", in_turn(answer(b"<html>" * 1000, 404), answer(photo())))
    with pytest.raises(FetchFailedError):
        downloader.download(url)
    assert downloader.download(url).data == photo()
