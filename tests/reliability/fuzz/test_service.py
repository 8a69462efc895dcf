import pytest

from reliability.fuzz.service import DROPPED
from tests.reliability.fuzz.fake_server import CLOSE, fake_server


def test_an_answer_has_its_status_and_body():
    with fake_server(lambda method, path, body: (413, f"{method} {path} {body.decode()}".encode())) as target:
        reply = target.send("POST", "/x", b"photo")
        assert (reply.status, reply.body) == (413, b"POST /x photo")
        assert reply.processor >= 0
        assert target.resident() > 1 << 20


def test_a_connection_without_an_answer_is_dropped_and_the_next_request_gets_its_answer():
    answers = iter([(200, b""), (CLOSE, b""), (200, b"")])
    with fake_server(lambda *_: next(answers)) as target:
        assert [target.send("GET", "/").status for _ in range(3)] == [200, DROPPED, 200]


def test_a_connection_that_the_server_may_have_closed_meanwhile_is_not_used_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reliability.fuzz.service._IDLE_SECONDS", -1.0)
    with fake_server(lambda *_: (200, b"")) as target:
        assert [target.send("GET", "/").status for _ in range(2)] == [200, 200]
