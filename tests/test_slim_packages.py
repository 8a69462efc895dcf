"""The build of the image removes files from packages, and serving reads none of these."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_app.model.onnx_runtime import onnxruntime
from lambda_app.store.folder import FolderStore
from scripts.slim_packages import slim, unread
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
