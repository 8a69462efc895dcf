import pytest

from fetch.failure import FetchFailedError
from fetch.urls import Target, parse_url


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://cdn.example/a/b.jpg?v=1#top", Target("cdn.example", 443, "/a/b.jpg?v=1")),
        ("HTTPS://CDN.Example:443", Target("cdn.example", 443, "/")),
        ("//cdn.example/a.jpg", Target("cdn.example", 443, "/a.jpg")),
        ("https://cdn.example./a.jpg", Target("cdn.example", 443, "/a.jpg")),
        ("https://cdn.example/my photo ü.jpg", Target("cdn.example", 443, "/my%20photo%20%C3%BC.jpg")),
        ("https://cdn.example/50%/a%20b%2Fc.jpg", Target("cdn.example", 443, "/50%25/a%20b%2Fc.jpg")),
        ("https://cdn.example/w_300,h_300/a.jpg?u=a|b c", Target("cdn.example", 443, "/w_300,h_300/a.jpg?u=a%7Cb%20c")),
        ("https://bücher.example/a.jpg", Target("xn--bcher-kva.example", 443, "/a.jpg")),
        ("https://[2606:2800:220:1:0:0:0:1]/a.jpg", Target("2606:2800:220:1::1", 443, "/a.jpg")),
        ("https://cdn.example:8443/a.jpg", Target("cdn.example", 8443, "/a.jpg")),
    ],
)
def test_a_url_says_whom_to_ask_for_what(url: str, target: Target):
    assert parse_url(url, extra_port=8443) == target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://cdn.example/a.jpg", "not_https"),
        ("ftp://cdn.example/a.jpg", "not_https"),
        ("file:///etc/passwd", "not_https"),
        ("gopher://cdn.example/", "not_https"),
        ("a.jpg", "not_https"),
        ("https://cdn.example:80/a.jpg", "refused_port"),
        ("https://cdn.example:22/a.jpg", "refused_port"),
        ("https://cdn.example:0/a.jpg", "refused_port"),
        ("https://cdn.example:99999/a.jpg", "bad_url"),
        ("https://cdn.example:x/a.jpg", "bad_url"),
        ("https://user:secret@cdn.example/a.jpg", "bad_url"),
        ("https://good.example\\@evil.example/a.jpg", "bad_url"),
        ("https://good.example\\evil/a.jpg", "bad_url"),
        ("https:///a.jpg", "bad_url"),
        ("https://", "bad_url"),
        ("https://[::1/a.jpg", "bad_url"),
        ("https://[v1.x]/a.jpg", "bad_url"),
        ("https://[fe80::1%25eth0]/a.jpg", "bad_url"),
        ("https://cdn..example/a.jpg", "bad_url"),
        ("https://cdn example/a.jpg", "bad_url"),
        ("https://" + "a" * 64 + ".example/", "bad_url"),
        ("https://cdn.example/a\r\nHost: other.jpg", "bad_url"),
        ("https://cdn.exa\tmple/a.jpg", "bad_url"),
        ("https://cdn.example/\x00", "bad_url"),
        ("https://cdn.example/" + "a" * 8000, "bad_url"),
    ],
)
def test_a_url_that_is_not_asked_gets_its_reason(url: str, reason: str):
    with pytest.raises(FetchFailedError) as caught:
        parse_url(url)
    assert caught.value.reason == reason
    assert "secret" not in caught.value.detail


def test_http_becomes_https_only_if_asked_for():
    assert parse_url("http://cdn.example:80/a.jpg", http_as_https=True) == Target("cdn.example", 443, "/a.jpg")
    with pytest.raises(FetchFailedError, match="refused_port"):
        parse_url("http://cdn.example:8080/a.jpg", http_as_https=True)
    with pytest.raises(FetchFailedError, match="not_https"):
        parse_url("ftp://cdn.example/a.jpg", http_as_https=True)


def test_the_host_header_names_a_port_that_is_not_the_usual_one():
    assert Target("cdn.example", 443, "/").host_header == "cdn.example"
    assert Target("2606::1", 8443, "/").host_header == "[2606::1]:8443"
