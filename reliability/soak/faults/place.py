"""A store on a local S3 server behind a proxy, and services that read it through the proxy."""

import http.client
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inputs.bench_release import ROOT
from benchmarks.processes.server import CONTENT_TYPE, SIMILAR, Server, form
from lambda_app.release.manifest import Manifest, Pointer, sha256_of
from lambda_app.store.contract import OBJECTS, POINTER, RELEASES
from reliability.soak.faults.kinds import Content
from reliability.soak.faults.proxy import FaultProxy
from tests.lambda_events import BUCKET
from tests.s3_server import S3Server

# Longer than any answer may take, so that an answer that is too late is measured and not lost.
_PATIENCE_SECONDS = 90.0


@dataclass(frozen=True)
class Answer:
    """An answer, or its lack: status 0.

    Attributes:
        seconds: from the request to the last byte.
        release: the release that answered, as the answer says.
        retry_after: whether it says when to try again.
    """

    status: int
    seconds: float
    release: str = ""
    retry_after: bool = False


@dataclass(frozen=True)
class BuiltRelease:
    """A release in a folder."""

    folder: Path
    manifest: Manifest

    @property
    def photo(self) -> bytes:
        """One of its photos."""
        return (self.folder / "photos" / "003a.jpg").read_bytes()

    def content(self) -> Content:
        """All its objects in a store, by key, and the pointer to it."""
        manifest, path = self.manifest, self.folder / "manifest.json"
        pointer = Pointer(
            release=manifest.release,
            manifest_sha256=sha256_of(path),
            promoted_at=manifest.created_at,
            high_water=manifest.created_at,
        )
        return {
            **{OBJECTS + entry.sha256: (self.folder / entry.file).read_bytes() for entry in manifest.files()},
            f"{RELEASES}{manifest.release}/manifest.json": path.read_bytes(),
            POINTER: pointer.model_dump_json(indent=1).encode(),
        }


class BucketPlace:
    """A store under a prefix of its own, with a proxy of its own, so that cases can run side by side."""

    def __init__(self, s3: S3Server, prefix: str, folder: Path) -> None:
        """Open the store. `folder` is for the caches of the services."""
        self.proxy = FaultProxy(s3.url)
        self.folder = folder
        self.prefix = prefix
        self.store = s3.store(prefix, folder / "operator")

    def write(self, content: Content) -> None:
        """Write objects to the store, past the proxy; the pointer last."""
        for key in sorted(content, key=lambda key: key == POINTER):
            self.store.write(key, content[key])

    def delete(self, key: str) -> None:
        """Delete an object, past the proxy."""
        self.store.delete(key)

    def environ(self, **settings: str) -> dict[str, str]:
        """The environment of a process that uses the store through the proxy."""
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.proxy.url,
            "LOOKALIKE_STORE": f"s3://{BUCKET}/{self.prefix}",
            "LOOKALIKE_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(temporary),
            **settings,
        }

    @contextmanager
    def serving(self, **settings: str) -> Iterator["Service"]:
        """`scripts/serve` as a process, once it listens."""
        with Server(["scripts/serve.py", "--port", "{port}"], self.environ(**settings)) as server:
            yield Service(server.wait().port)

    def close(self) -> None:
        """Close the proxy."""
        self.proxy.close()


class Service:
    """A client of a server on a local port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str) -> Answer:
        """GET a path."""
        return self._ask("GET", path, None, {})

    def post(self, photo: bytes) -> Answer:
        """POST a photo to the similar-images route."""
        return self._ask("POST", SIMILAR, form(photo), {"Content-Type": CONTENT_TYPE})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        begun = time.perf_counter()
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)) as connection:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                response.read()
        except (OSError, http.client.HTTPException):
            return Answer(0, time.perf_counter() - begun)
        release = response.headers.get("X-Lookalike-Release", "")
        seconds = time.perf_counter() - begun
        return Answer(response.status, seconds, release, "Retry-After" in response.headers)
