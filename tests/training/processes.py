"""Processes that a test can kill, signal, let run out of disk space, and run as one distributed training.

They are forks of one server process, which imports torch once for all of them: `python -m tests.training.processes`
reads orders and writes answers, each as one line of JSON.
"""

import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from training.pipeline.commands import report_errors


class Process:
    """`main` of a module in a separate process; `output` is what it writes to stdout and stderr."""

    def __init__(self, server: "Server", order: dict) -> None:
        self._server = server
        self._pid = server.ask(order)
        self.output = Path(order["stream"]).open(encoding="utf-8")  # noqa: SIM115, closed by `wait`

    def wait_for(self, beginning: str) -> str:
        """Wait for the next line that begins with this text, and return it."""
        return next(line for line in self.output if line.startswith(beginning))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self._pid, number)

    def wait(self) -> tuple[int, str]:
        """Wait for the end; the exit status (or the negative signal number) and the rest of the output."""
        with self.output as output:
            rest = output.read()
        return self._server.ask({"wait": self._pid}), rest


class Server:
    """Starts processes.

    Args:
        folder: for the pipes of their output.
    """

    def __init__(self, pipe: subprocess.Popen[str], folder: Path) -> None:
        assert pipe.stdin is not None
        assert pipe.stdout is not None
        self._orders, self._answers = pipe.stdin, pipe.stdout
        self._folder, self._started = folder, 0

    def ask(self, order: dict) -> int:
        """Send an order; its answer."""
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()
        return json.loads(self._answers.readline())

    def close(self) -> None:
        """End the server."""
        self._orders.close()

    def start(self, module: str, argv: list[str], **order: object) -> Process:
        """Run `main(argv)` of a module.

        Args:
            order: `environ`, further variables; `kill`, [name, n]: kill the process before it renames a file to this
                name for the nth time; `disk`: limit the size of files to this number of bytes, as on a full disk.
        """
        self._started += 1
        stream = self._folder / f"output-{self._started}"
        os.mkfifo(stream)
        return Process(self, {"module": module, "argv": argv, "stream": str(stream), **order})

    def start_several(self, size: int, module: str, argv: list[str], **environ: str) -> list[Process]:
        """Start the processes of one distributed run with the variables of torchrun and further ones; by rank.

        `{rank}` in an argument is replaced by the rank of the process, for example to give each its own folder.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        common = environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        common |= {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
        return [
            self.start(
                module,
                [argument.replace("{rank}", str(rank)) for argument in argv],
                environ=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank in range(size)
        ]


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server that ends with the context."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pipe:
        server = Server(pipe, folder)
        yield server
        server.close()


def _kill_at(name: str, nth: int) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event == "os.rename" and str(arguments[1]).endswith(name):
            seen += 1
            if seen == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _run(order: dict) -> int:
    """Carry out an order in the forked process; the exit status."""
    for stream, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        os.dup2(os.open(order["stream"] if stream else os.devnull, mode), stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, closefd=False) for stream in (1, 2))
    os.environ.update(order.get("environ", {}))
    if "kill" in order:
        _kill_at(*order["kill"])
    if "disk" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["disk"], resource.RLIM_INFINITY))
    return report_errors(importlib.import_module(order["module"]).main, order["argv"])


def _answer(order: dict) -> int:
    if "wait" in order:
        return os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
    child = os.fork()
    if not child:
        sys.exit(_run(order))
    return child


if __name__ == "__main__":
    torch.set_num_threads(1)
    importlib.import_module("training.fit.stage")
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)
