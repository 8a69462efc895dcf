import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.inputs.bench_release import ROOT
from reliability.soak.kills.stepper import step_name

SCRIPT = """
import sys
from pathlib import Path
from lambda_app.store.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
store.write("objects/1", b"1")
store.write("live.json", b"{}")
store.write("live.json", b"[]")
"""


@pytest.mark.parametrize(
    ("event", "args", "name"),
    [
        ("os.rename", ("/s/objects/.partial-1", "/s/objects/abc", -1, -1), "object: rename"),
        ("tempfile.mkstemp", ("/s/.partial-1",), "pointer: mkstemp"),
        ("os.chmod", (Path("/s/releases/r-1/.partial-1"), 0o644, -1), "manifest: chmod"),
        ("shutil.copyfile", ("/tmp/a", Path("/s/releases/r-1/report/.partial-1")), "report: copyfile"),
        ("shutil.copyfile", ("/s/objects/abc", "/tmp/a"), None),
        ("os.rename", ("/tmp/a", "/store/objects/a", -1, -1), None),
        ("open", ("/s/objects/abc", "rb", 0), None),
        ("subprocess.Popen", ("python", [], None, None), "trial"),
    ],
)
def test_steps_are_named_by_what_they_write(event: str, args: tuple[object, ...], name: str | None):
    assert step_name(event, args, "/s") == name


def test_a_process_dies_right_before_the_chosen_step(tmp_path: Path):
    script, log, store = tmp_path / "script.py", tmp_path / "log", tmp_path / "store"
    script.write_text(SCRIPT)

    def run(step: str, time: int) -> int:
        log.unlink(missing_ok=True)
        command = ["-m", "reliability.soak.kills.stepper", step, *map(str, (time, 0, log, store, script, store))]
        return subprocess.run([sys.executable, *command], cwd=ROOT, start_new_session=True, check=False).returncode

    assert run("none", 0) == 0
    steps = log.read_text().splitlines()
    assert (store / "live.json").exists()
    shutil.rmtree(store)
    fatal = steps.index("pointer: rename")
    assert run("pointer: rename", 0) == -signal.SIGKILL
    assert log.read_text().splitlines() == steps[: fatal + 1]
    assert (store / "objects" / "1").exists()
    assert not (store / "live.json").exists()
    assert len(list(store.glob(".partial-*"))) == 1
    shutil.rmtree(store)
    assert run("pointer: rename", 1) == -signal.SIGKILL
    assert (store / "live.json").read_bytes() == b"{}"
