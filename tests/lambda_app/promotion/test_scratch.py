import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lambda_app.errors import ScratchSpaceError
from lambda_app.promotion.scratch import PURPOSES, STALE_SECONDS, keep_only_live, scratch_folder, sweep
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import publish_directly
from tests.s3_server import S3Server


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, for this test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_folder_is_gone_after_use_and_after_an_error(temporary: Path):
    with scratch_folder("drop") as scratch:
        (scratch / "file").write_bytes(b"x")
        assert scratch.parent == temporary
    with pytest.raises(ZeroDivisionError), scratch_folder("drop"):
        raise ZeroDivisionError
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_its_remedy(temporary: Path, number: int):
    with pytest.raises(ScratchSpaceError, match=f"{temporary} is full; .*-c storage=<MB>"), scratch_folder("drop"):
        raise OSError(number, "full")


def test_other_errors_of_the_machine_stay_what_they_are():
    with pytest.raises(OSError, match="broken"), scratch_folder("drop"):
        raise OSError(errno.EIO, "broken")


def aged(folder: Path, seconds: float) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "file").write_bytes(b"x")
    then = time.time() - seconds
    os.utime(folder, (then, then))
    return folder


def test_only_stale_folders_of_ours_are_swept(temporary: Path):
    stale = [aged(temporary / f"lookalike-{purpose}-x", STALE_SECONDS + 60) for purpose in PURPOSES]
    young = aged(temporary / "lookalike-drop-young", STALE_SECONDS - 60)
    others = [aged(temporary / name, STALE_SECONDS + 60) for name in ("lookalike-cache", "someone-drop-x")]
    assert sorted(sweep()) == sorted(stale)
    assert sorted(temporary.iterdir()) == sorted([young, *others])


def test_a_folder_in_use_is_never_swept(temporary: Path):
    with scratch_folder("publish") as scratch:
        aged(scratch, 10 * STALE_SECONDS)
        assert sweep() == []
        assert (scratch / "file").exists()


def test_what_a_killed_process_left_is_swept_when_the_next_begins(temporary: Path):
    code = (
        "import os, signal\n"
        "from lambda_app.promotion.scratch import scratch_folder\n"
        "with scratch_folder('drop') as scratch:\n"
        "    (scratch / 'model.onnx').write_bytes(b'x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environ = {"PATH": "/usr/bin:/bin", "TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", code], env=environ, check=False, timeout=60)
    (left,) = temporary.iterdir()
    aged(left, STALE_SECONDS + 60)
    with scratch_folder("drop") as scratch:
        assert list(temporary.iterdir()) == [scratch]


def test_a_link_is_not_followed(temporary: Path, tmp_path: Path):
    target = aged(tmp_path / "target", STALE_SECONDS + 60)
    (temporary / "lookalike-drop-link").symlink_to(target)
    assert sweep(now=time.time() + 10 * STALE_SECONDS) == []
    assert (target / "file").exists()


def test_the_cache_keeps_the_live_releases_files_only(tmp_path: Path, s3: S3Server, built: BuiltRelease):
    store = s3.store("", tmp_path / "cache")
    keep_only_live(store)  # nothing is live, and there is no cache
    publish_directly(store, built.folder, built.manifest)
    for entry in built.manifest.serving_files():
        store.local_file(entry)
    (tmp_path / "cache" / ("0" * 64)).write_bytes(b"of a release that is gone")
    (tmp_path / "cache" / ".00.1.partial").write_bytes(b"of a download that broke off")
    keep_only_live(store)
    kept = {entry.sha256 for entry in built.manifest.serving_files()}
    assert {path.name for path in (tmp_path / "cache").iterdir()} == kept
    store.delete(f"releases/{built.manifest.release}/manifest.json")
    keep_only_live(store)
    assert list((tmp_path / "cache").iterdir()) == []
