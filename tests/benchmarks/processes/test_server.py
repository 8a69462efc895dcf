"""Tests of `benchmarks.processes.server`."""

import os
import time

import pytest

from benchmarks.bench.request import fill
from benchmarks.inputs.photos import make_photo
from benchmarks.processes import server
from benchmarks.processes.server import Client, Server, form
from benchmarks.processes.timings import PARTS
from lambda_app.api.messages.form import parse_multipart

pytestmark = pytest.mark.slow


def test_our_server_answers_photos_and_reports_its_memory_and_processor_time(release, tmp_path):
    with server.ours(fill(tmp_path, release)) as ours:
        client = Client(ours.wait().port)
        answers = [client.send(form(make_photo((320, 240)))) for _ in range(2)]
        client.close()
        assert [answer.status for answer in answers] == [200, 200]
        assert {answer.release for answer in answers} == {release.manifest.release}
        assert set(PARTS) < answers[0].timings.keys()
        assert answers[0].begun + answers[0].seconds <= answers[1].begun
        assert server.peak_bytes(ours.pid) > 50e6
        assert ours.processor_seconds() > 0.1


def test_a_server_that_exits_reports_the_reason():
    with (
        Server(["-c", "raise SystemExit('no model here')"], {}) as ended,
        pytest.raises(RuntimeError, match="no model here"),
    ):
        ended.wait()


def test_the_form_holds_the_photo():
    (part,) = parse_multipart(form(b"\xff\xd8 photo"), server.CONTENT_TYPE)
    assert (part.name, part.filename, part.data) == ("file", "photo.jpg", b"\xff\xd8 photo")


def test_processor_time_is_counted_and_sleep_is_not():
    before = server.processor_seconds(os.getpid())
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert 0.05 < server.processor_seconds(os.getpid()) - before < 1.0
