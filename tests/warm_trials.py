"""Starts the trials of releases as forks of one process, which has imported what a trial imports.

A trial is still a process of its own, with its own limits, environment and streams; it only does not import again.
Tests marked `cold_trials` and those of tests/e2e start trials as an operator does.
"""

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from lambda_app.promotion.trial import CHILD


class WarmTrials:
    """Takes the place of the module `subprocess` in `lambda_app.promotion.trial`."""

    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self) -> None:
        self._server: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def close(self) -> None:
        """End the server."""
        if self._server:
            process, orders = self._server
            orders.close()
            process.wait()

    def run(
        self,
        command: list[str],
        *,
        input: bytes,
        stdout: IO[bytes],
        stderr: IO[bytes],
        env: dict[str, str],
        timeout: float,
        check: bool,
    ) -> subprocess.CompletedProcess[bytes]:
        """As `subprocess.run`, for the command of a trial."""
        assert command[-1] == CHILD
        assert not check
        if self._server is None:
            self._server = _start(env)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(self._server[1], [b"!"], [theirs.fileno(), stdout.fileno(), stderr.fileno()])
            order = {"input": input.decode(), "environ": env, "timeout": timeout}
            ours.sendall(json.dumps(order).encode())
            ours.shutdown(socket.SHUT_WR)
            code = json.loads(_rest(ours))
        if code is None:
            raise subprocess.TimeoutExpired(command, timeout)
        return subprocess.CompletedProcess(command, code)


def _start(environ: dict[str, str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    root = str(Path(__file__).parents[1])
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=root,
            env=environ,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return process, ours


def _rest(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def _serve(orders: socket.socket) -> None:
    """Until the other end closes: one process for each order, so that trials may run at the same time."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    while True:
        data, files, _, _ = socket.recv_fds(orders, 1, 3)
        if not data:
            return
        if not os.fork():
            orders.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _obey(*files)
            os._exit(0)
        for file in files:
            os.close(file)


def _obey(connection: int, stdout: int, stderr: int) -> None:
    """Run one trial; answer with its exit status, or null if it was killed because its time was over."""
    with socket.socket(fileno=connection) as asker, tempfile.TemporaryFile() as stdin:
        order = json.loads(_rest(asker))
        stdin.write(order["input"].encode())
        stdin.seek(0)
        ended, alive = os.pipe()  # it can be read once no process holds `alive`
        child = os.fork()
        if not child:
            os.environ.clear()
            os.environ.update(order["environ"])
            for place, file in enumerate((stdin.fileno(), stdout, stderr)):
                os.dup2(file, place)
            for file in (connection, stdin.fileno(), stdout, stderr, ended):
                os.close(file)
            _try()
        os.close(alive)
        in_time = bool(select.select([ended], [], [], order["timeout"])[0])
        if not in_time:
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        asker.sendall(json.dumps(code if in_time else None).encode())


def _try() -> None:
    """What `python -m` does with the module of the child."""
    try:
        importlib.import_module(CHILD).main()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    importlib.import_module(CHILD)
    _serve(socket.socket(fileno=int(sys.argv[1])))
