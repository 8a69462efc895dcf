"""A server on this machine that answers as the registries do."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pins.registries import Addresses


class Registries:
    """Answers by path, and the requests that arrived: path and headers."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def give(self, path: str, body: object, *, status: int = 200, **headers: str) -> None:
        """Answer a path: with JSON, or with a text as HTML."""
        kind = "text/html" if isinstance(body, str) else "application/json"
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        given = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.answers[path] = (status, given, data)

    def give_package(self, name: str, *versions: str, yanked: dict[str, str] | None = None) -> None:
        """A page of PEP 691, with a wheel and an sdist of each version."""
        files = []
        for version in versions:
            for filename in (f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.tar.gz"):
                files.append({"filename": filename, "url": filename, "hashes": {}})
                if version in (yanked or {}):
                    files[-1]["yanked"] = (yanked or {})[version]
        body = {"meta": {"api-version": "1.4"}, "name": name, "files": files, "versions": list(versions)}
        self.give(f"/simple/{name}/", body, Content_Type="application/vnd.pypi.simple.v1+json")

    @property
    def addresses(self) -> Addresses:
        """All registries at this server."""
        return Addresses(
            pypi=f"{self.url}/simple/",
            npm=f"{self.url}/npm/",
            github=f"{self.url}/github",
            images={"public.ecr.aws": self.url},
        )


@pytest.fixture
def registries() -> Iterator[Registries]:
    served = Registries()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append((self.path, dict(self.headers)))
            status, headers, body = served.answers.get(self.path, (404, {}, b"no such thing"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()
