"""The module of docs/frontend.md, run by Node against a real API."""

import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.conftest import Served
from tests.docs.markdown import ROOT

PAGE = (ROOT / "docs" / "frontend.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (code,) = re.findall(r"^```js\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path_factory.mktemp("frontend") / "lookalike.mjs"
    path.write_text(code, encoding="utf-8")
    return path


def run(module: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = module.with_name("run.mjs")
    program.write_text(f'import {{ call, similar }} from "./{module.name}";\n{script}', encoding="utf-8")
    command = ["node", str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


SEARCH = """
import { readFile } from "node:fs/promises";
const [api, ...paths] = process.argv.slice(2);
const files = await Promise.all(paths.map(async (path) => new File([await readFile(path)], "photo.jpg")));
try {
  console.log(JSON.stringify(await similar(api, files, { k: 3, distinct: "image" })));
} catch (error) {
  console.log(JSON.stringify({ reason: error.message }));
}
"""


def test_a_photo_finds_itself(module: Path, served: Served):
    image_id, photo = sorted(served.photos.items())[0]
    answer = json.loads(run(module, SEARCH, served.url, str(photo)).stdout)
    assert answer["results"][0]["image_id"] == image_id
    assert len(answer["results"]) == 3


def test_several_photos_are_one_search(module: Path, served: Served):
    photos = [str(path) for _, path in sorted(served.photos.items())[:2]]
    assert len(json.loads(run(module, SEARCH, served.url, *photos).stdout)["results"]) == 3


def test_an_error_says_the_reason_of_the_service(module: Path, served: Served, tmp_path: Path):
    (tmp_path / "text.txt").write_text("no photo")
    answer = json.loads(run(module, SEARCH, served.url, str(tmp_path / "text.txt")).stdout)
    assert "JPEG, PNG, WebP" in answer["reason"]


@pytest.fixture
def busy() -> Iterator[tuple[str, list[str]]]:
    """A service that is busy once and answers then; its address and the paths it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            first = len(asked) == 1
            self.send_response(503 if first else 200)
            if first:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(b'{"detail": "busy"}' if first else b'{"message": "here"}')

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_busy_service_is_asked_again(module: Path, busy: tuple[str, list[str]]):
    url, asked = busy
    done = run(module, "console.log(JSON.stringify(await call(process.argv[2])));", f"{url}/release")
    assert json.loads(done.stdout) == {"message": "here"}
    assert asked == ["/release", "/release"]
