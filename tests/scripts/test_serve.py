"""scripts/serve.py before it serves."""

import socket
import sys
import threading
from pathlib import Path
from typing import cast

import pytest

from lambda_app.recommendation.live import LiveRelease
from scripts import serve


def test_a_port_in_use_is_an_error_before_an_address_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "releases").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["serve", "--store", str(tmp_path), "--port", str(port)])
        monkeypatch.setenv("LOOKALIKE_MAKS_K", "5")
        code = serve.main()
    printed = capsys.readouterr()
    assert (code, printed.out) == (1, "")
    warning, error = printed.err.splitlines()
    assert warning.endswith("Did you mean LOOKALIKE_MAX_K?")
    assert error.startswith(f"scripts/serve: cannot listen on 127.0.0.1, port {port}: Address already in use")


class Looked:
    """Counts looks; after the second one, the service ends."""

    def __init__(self, ended: threading.Event) -> None:
        self.count, self.ended = 0, ended

    def begin(self) -> None:
        self.count += 1
        if self.count == 2:
            self.ended.set()


def test_a_server_without_requests_looks_for_new_releases_until_it_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serve, "SOONEST_LOOK_SECONDS", 0.001)
    ended = threading.Event()
    live = Looked(ended)
    serve.watch(cast("LiveRelease", live), 0, ended)
    assert live.count == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "LOOKALIKE_STORE is not set; set it to s3://bucket[/prefix] or a folder; or give --store"),
        (["--store", "nowhere"], "nowhere is not a store: the folder does not exist"),
        (["--store", "nowhere", "--port", "99999"], "argument --port: '99999' is not a TCP port from 1 to 65535"),
        (["--store", "nowhere", "--port", "http"], "argument --port: 'http' is not a TCP port"),
        (["--stor", "nowhere"], "unrecognized arguments: --stor nowhere"),
    ],
)
def test_a_mistake_is_one_line_with_the_way_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOOKALIKE_STORE", raising=False)
    monkeypatch.setattr(sys, "argv", ["serve", *arguments])
    try:
        code: object = serve.main()
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.startswith("scripts/serve: ")
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_the_help_has_an_example_and_each_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["serve", "--help"])
    with pytest.raises(SystemExit):
        serve.main()
    shown = " ".join(capsys.readouterr().out.split())
    assert "scripts/serve --store var/store" in shown
    assert shown.count("default: ") == 3
    assert f"have {serve.GRACE_SECONDS} s to finish" in shown
