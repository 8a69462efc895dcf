"""Runs the commands of a page one after the other, as a reader types them in one shell."""

import re
import socket
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.blocks.clone import environment
from tests.docs.blocks.table import filled_in

LIMIT_SECONDS = 300
_ASSIGNMENT = re.compile(r"(export )?([A-Z_]+=\S*\s*)+$")
# A page of a browser, with a photo in its file field.
_BROWSER = """import {{ readFileSync }} from "node:fs";
const API = "{api}", token = "good";
const input = {{ files: [new File([readFileSync("photo.jpg")], "photo.jpg", {{ type: "image/jpeg" }})] }};
const outside = globalThis.fetch;
globalThis.fetch = (url, options) => outside(new URL(url, API), options);
"""


@dataclass
class Session:
    """A shell in a folder, and a server that its commands ask."""

    folder: Path
    port: int
    release: str
    running: ExitStack
    variables: list[str] = field(default_factory=list)

    def run(self, command: str) -> str | None:
        """Run a shell command; return what went wrong, if anything."""
        command = filled_in(command, self.port, self.release)
        if _ASSIGNMENT.match(command):
            self.variables.append(command)
            return None
        if "scripts/serve " in command:
            return self._serve(command)
        return self._done(["bash", "-euo", "pipefail", "-c", "\n".join([*self.variables, command])], command)

    def run_python(self, text: str) -> str | None:
        """Run Python code; return what went wrong, if anything."""
        return self._done([".venv/bin/python", "-c", filled_in(text, self.port, self.release)], text)

    def run_javascript(self, text: str) -> str | None:
        """Run JavaScript code that is meant for a page, in Node; return what went wrong, if anything."""
        page = _BROWSER.format(api=f"http://127.0.0.1:{self.port}") + filled_in(text, self.port, self.release)
        return self._done(["node", "--input-type=module", "-e", page], text)

    def _done(self, words: list[str], shown: str) -> str | None:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_SECONDS,
            check=False,
        )
        return (
            f"{shown}: exit code {done.returncode}: {(done.stdout + done.stderr)[-800:]}" if done.returncode else None
        )

    def _serve(self, command: str) -> str | None:
        """Start a server on a free port; the commands that follow ask it."""
        command = re.sub(r" --port \d+", "", command)
        server = subprocess.Popen(
            ["bash", "-c", "\n".join([*self.variables, f"exec env {command} --port {_free_port()}"])],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.callback(_end, server)
        assert server.stdout is not None
        printed = server.stdout.readline()  # the address, printed once it listens
        found = re.search(r"http://127\.0\.0\.1:(\d+)", printed)
        if not found:
            return f"{command}: printed {printed!r} {server.stderr.read() if server.stderr else ''}"
        self.port = int(found[1])
        return None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _end(server: "subprocess.Popen[str]") -> None:
    server.terminate()
    server.communicate(timeout=30)
