"""The build of the image removes files from packages, and serving reads none of these."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import botocore
import pytest

from lambda_app.model.onnx_runtime import onnxruntime
from lambda_app.store.folder import FolderStore
from scripts.slim_packages import SERVICES, slim, unread
from tests.lambda_events import post_photo
from tests.releases import build_release, publish_directly, write_photos

ROOT = Path(__file__).parents[1]
SITE = Path(onnxruntime.__file__).parents[1]

# Runs an invocation and the S3 client; prints every file that it opened and every library that it mapped.
SERVE = """
import json, os, sys
opened = []
def note(name, args):
    if name == "open" and isinstance(args[0], (str, bytes)):
        opened.append(os.fsdecode(args[0]))
sys.addaudithook(note)
from lambda_app import promoter
from lambda_app.handler import handler
from lambda_app.store.bucket import S3Store
answer = handler(json.loads(sys.stdin.read()), None)
S3Store("bucket").upload_ticket("image/jpeg", 1000)
mapped = [line.split()[-1] for line in open("/proc/self/maps") if "/" in line]
print(json.dumps({"status": answer["statusCode"], "files": opened + mapped}))
"""

# Queries a vector index with the botocore of a slimmed tree.
QUERY = """
import json, sys
import botocore.loaders, botocore.session
session = botocore.session.Session()
client = session.create_client("s3vectors", endpoint_url=sys.argv[1])
answer = client.query_vectors(
    vectorBucketName="shop", indexName="items-0123456789abcdef", topK=4, queryVector={"float32": [0.5, -0.25]},
    filter={"category": {"$eq": "Bikes"}}, returnMetadata=True, returnDistance=True,
)
real = session.create_client("s3vectors", region_name="cn-north-1")
services = botocore.loaders.Loader().list_available_services("service-2")
print(json.dumps({"from": botocore.__file__, "services": services, "vectors": answer["vectors"],
                  "tries": answer["ResponseMetadata"]["RetryAttempts"], "address": real.meta.endpoint_url}))
"""
FOUND = {"key": "1-1", "distance": 0.25, "metadata": {"row": 3, "category": "Bikes"}}


class VectorIndex(BaseHTTPRequestHandler):
    """Answers the first request with 429, and the others with one vector. Keeps the requests."""

    received: ClassVar[list[tuple[str, str, dict]]] = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, self.headers["Authorization"], body))
        throttled = len(self.received) == 1
        answer = {"message": "slow down"} if throttled else {"distanceMetric": "cosine", "vectors": [FOUND]}
        content = json.dumps(answer).encode()
        self.send_response(429 if throttled else 200)
        if throttled:
            self.send_header("x-amzn-ErrorType", "TooManyRequestsException")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Nothing: the test reads what was received."""


@pytest.fixture
def vector_index() -> Iterator[ThreadingHTTPServer]:
    VectorIndex.received.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), VectorIndex) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def slimmed(tmp_path) -> Path:
    """A folder with botocore as the image has it. Services that do not begin with s would only take time to copy."""
    site = tmp_path / "site"
    data = Path(botocore.__file__).parent / "data"

    def of_other_letters(folder: str, names: list[str]) -> list[str]:
        return (
            [name for name in names if Path(folder, name).is_dir() and name[0] != "s"] if Path(folder) == data else []
        )

    shutil.copytree(data.parent, site / "botocore", ignore=of_other_letters)
    assert (site / "botocore" / "data" / "sqs").is_dir()
    slim(site)
    return site


@pytest.fixture
def installed(tmp_path):
    for name in (
        "onnxruntime/__init__.py",
        "onnxruntime/capi/libonnxruntime.so.1.2",
        "onnxruntime/capi/state.so",
        "onnxruntime/tools/convert.py",
        "numpy/linalg/tests/test_linalg.py",
        "numpy/linalg/linalg.py",
        "botocore/data/endpoints.json",
        "botocore/data/s3/2006/service-2.json",
        "botocore/data/s3vectors/2025/service-2.json",
        "botocore/data/sts/2011/service-2.json",
        "botocore/data/ec2/2016/service-2.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("12345")
    return tmp_path


def test_only_files_that_serving_never_reads_are_removed(installed):
    assert slim(installed) == 4 * len("12345")
    assert {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()} == {
        "onnxruntime/__init__.py",
        "onnxruntime/capi/state.so",
        "numpy/linalg/linalg.py",
        "botocore/data/endpoints.json",
        "botocore/data/s3/2006/service-2.json",
        "botocore/data/s3vectors/2025/service-2.json",
        "botocore/data/sts/2011/service-2.json",
    }


def test_a_second_run_removes_nothing(installed):
    slim(installed)
    assert slim(installed) == 0


def test_a_folder_without_the_packages_is_refused(tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "slim_packages.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr


def test_a_vector_index_is_searched_with_what_is_left_of_botocore(slimmed, vector_index):
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(slimmed),
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_RETRY_MODE": "standard",
    }
    command = [sys.executable, "-c", QUERY, f"http://127.0.0.1:{vector_index.server_port}"]
    done = subprocess.run(command, cwd=slimmed, env=environ, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert Path(answer["from"]).is_relative_to(slimmed)
    assert answer["services"] == [*sorted(SERVICES)]
    assert (answer["vectors"], answer["tries"]) == ([FOUND], 1)
    assert answer["address"] == "https://s3vectors.cn-north-1.amazonaws.com.cn"
    assert [path for path, _, _ in VectorIndex.received] == ["/QueryVectors"] * 2
    _, signature, body = VectorIndex.received[-1]
    assert "/eu-west-1/s3vectors/aws4_request" in signature
    assert (body["topK"], body["queryVector"]) == (4, {"float32": [0.5, -0.25]})


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_serving_reads_none_of_the_removed_files(tmp_path):
    store = FolderStore(tmp_path / "store")
    publish_directly(store, tmp_path / "release", build_release(tmp_path / "release"))
    photo = next(iter(write_photos(tmp_path / "photos", 2).values()))
    environ = {"LOOKALIKE_STORE": str(store.root), "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        input=json.dumps(post_photo("http_v2_post_photo", photo)),
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["status"] == 200
    read = {Path(name) for name in answer["files"]}
    assert any(SITE / "onnxruntime" in path.parents for path in read)
    gone = set(unread(SITE))
    assert gone
    assert [path for path in read if path in gone or gone & set(path.parents)] == []
