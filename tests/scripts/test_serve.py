"""scripts/serve.py before it serves."""

import socket
import sys
from pathlib import Path

import pytest

from lambda_app.errors import LookalikeError
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


def test_a_name_is_bound_at_each_of_its_addresses():
    sockets = serve.bound("localhost", 0)
    try:
        assert {one.getsockname()[0] for one in sockets} & {"127.0.0.1", "::1"}
    finally:
        for one in sockets:
            one.close()


def test_an_address_of_another_machine_is_named():
    with pytest.raises(LookalikeError, match=r"cannot listen on 192\.0\.2\.1, port 8000"):
        serve.bound("192.0.2.1", 8000)
