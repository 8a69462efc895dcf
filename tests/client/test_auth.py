"""Tokens and signatures, as a server receives them."""

import argparse
import datetime
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

import botocore.auth
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from client.api import LookalikeClient
from client.auth import AuthError, Bearer, add_options, chosen_auth, read_token


@dataclass
class Received:
    """A request as it arrived."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Recorder:
    """A server that writes down every request and answers as the health check does."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A recorder on a free port."""
    found = Recorder()

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.requests.append(Received(self.command, self.path, self.headers, body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"message": "up", "similar_index": [], "image_labels": [], "results": []}')

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def session_for(url: str, *options: str, **environ: str) -> requests.Session:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    add_options(parser)
    session = requests.Session()
    session.auth = chosen_auth(parser.parse_args(["--url", url, *options]), environ)
    return session


@pytest.mark.parametrize("options", [["--token", "abc.d-e_f"], []], ids=["option", "environment"])
def test_a_token_is_sent_with_every_call(recorder: Recorder, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    with session_for(recorder.url, *options, LOOKALIKE_TOKEN="abc.d-e_f") as session:
        client = LookalikeClient(recorder.url, session)
        client.healthcheck()
        client.similar_images(tmp_path / "photo.jpg", k=3)
    assert [received.headers["Authorization"] for received in recorder.requests] == ["Bearer abc.d-e_f"] * 2


def test_without_a_choice_nothing_is_sent(recorder: Recorder) -> None:
    with session_for(recorder.url) as session:
        LookalikeClient(recorder.url, session).healthcheck()
    assert "Authorization" not in recorder.requests[0].headers


@pytest.mark.parametrize("options", [["--token", "abc"], ["--sigv4", "--region", "eu-west-1"]])
def test_other_addresses_get_neither_token_nor_signature(recorder: Recorder, options: list[str]) -> None:
    with session_for("https://api.example", *options) as session:
        session.get(f"{recorder.url}/photo.jpg", timeout=5)
    names = {name.lower() for name in recorder.requests[0].headers}
    assert not {"authorization", "x-amz-date", "x-amz-security-token"} & names


def expected(received: Received, url: str, region: str, monkeypatch: pytest.MonkeyPatch, *, session_token: str) -> str:
    """The header that botocore computes for what arrived, at the time that it names."""
    then = datetime.datetime.strptime(received.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: then)
    headers = {"Content-Type": received.headers["Content-Type"]} if "Content-Type" in received.headers else {}
    request = AWSRequest(received.method, url + received.path, headers=headers, data=received.body)
    SigV4Auth(Credentials("testing", "testing", session_token), "execute-api", region).add_auth(request)
    return str(request.headers["Authorization"])


def test_the_signature_is_that_of_the_request_that_arrives(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    (tmp_path / "photo.jpg").write_bytes(bytes(range(256)) * 50)
    with session_for(recorder.url, "--sigv4", "--region", "eu-west-1") as session:
        client = LookalikeClient(recorder.url, session)
        client.healthcheck()
        client.similar_images(tmp_path / "photo.jpg", k=3)
        session.get(f"{recorder.url}/items/a%20b/similar", params={"category": "Home & Garden", "k": "2"}, timeout=5)
    health, form, query = recorder.requests
    assert form.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert query.path == "/items/a%20b/similar?category=Home%20%26%20Garden&k=2"
    for received in (health, form, query):
        assert received.headers["X-Amz-Security-Token"] == "session"
        signature = expected(received, recorder.url, "eu-west-1", monkeypatch, session_token="session")
        assert "/eu-west-1/execute-api/aws4_request" in signature
        assert received.headers["Authorization"] == signature


def test_the_signature_covers_the_body_and_the_token(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    with session_for(recorder.url, "--sigv4", "--region", "eu-west-1") as session:
        LookalikeClient(recorder.url, session).similar_images(tmp_path / "photo.jpg", k=3)
    (received,) = recorder.requests
    sent = received.headers["Authorization"]
    assert "content-type;host;x-amz-date;x-amz-security-token" in sent
    received.body += b"x"
    assert expected(received, recorder.url, "eu-west-1", monkeypatch, session_token="session") != sent


@pytest.mark.parametrize(
    ("url", "options", "region"),
    [
        ("https://abc123.execute-api.eu-west-1.amazonaws.com", [], "eu-west-1"),
        ("https://abc123.execute-api.cn-north-1.amazonaws.com.cn/", [], "cn-north-1"),
        ("https://abc123.execute-api.eu-west-1.amazonaws.com", ["--region", "eu-west-3"], "eu-west-3"),
        ("https://look.shop.example", [], "us-east-1"),  # the region of the environment
    ],
)
def test_the_region_is_given_or_in_the_url_or_of_the_environment(url: str, options: list[str], region: str) -> None:
    with session_for(url, "--sigv4", *options) as session:
        signed = session.prepare_request(requests.Request("GET", f"{url}/release"))
    assert f"/{region}/execute-api/aws4_request" in signed.headers["Authorization"]


def test_without_credentials_or_a_region_the_error_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(AuthError, match="names no region; give --region"):
        session_for("https://look.shop.example", "--sigv4")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(AuthError, match="there are no AWS credentials; set AWS_PROFILE"):
        session_for("https://look.shop.example", "--sigv4")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AuthError, match="nobody"):
        session_for("https://look.shop.example", "--sigv4")


def test_a_token_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer abc.def\n")
    assert read_token(f"@{tmp_path / 'token'}") == "abc.def"
    with pytest.raises(AuthError, match="none: No such file"):
        read_token(f"@{tmp_path / 'none'}")


@pytest.mark.parametrize("text", ["", "two words", "a\nb", "naïve", "@/dev/null"])
def test_what_cannot_be_a_token_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(AuthError, match="is no bearer token: it has ") as refusal:
        read_token(text)
    assert not text or text not in str(refusal.value)


def test_a_token_and_a_signature_exclude_each_other() -> None:
    with pytest.raises(SystemExit):
        session_for("https://api.example", "--token", "abc", "--sigv4")


def test_the_token_is_not_shown_in_the_text_of_the_auth() -> None:
    assert "secret" not in repr(Bearer("https://api.example", "secret"))
