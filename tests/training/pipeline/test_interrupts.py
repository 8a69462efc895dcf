import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.pipeline import interrupts
from training.pipeline.commands import report_errors
from training.pipeline.progress import track
from training.pipeline.stages import run_stage
from training.pipeline.work_folder import WorkFolder

ROOT = Path(__file__).parents[3]
COMMANDS = ["training.train", *sorted(f"training.{path.parent.name}" for path in ROOT.glob("training/*/__main__.py"))]
# Sends Ctrl-C when the program imports the first large library.
SITE = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "numpy", "pydantic"):
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""


class _Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("goes_on", ["batch", "stage"])
def test_a_signal_that_a_finalizer_swallows_stops_the_next_batch_or_stage(goes_on, tmp_path, capsys):
    done: list[object] = []

    def main(_argv):
        dying = _Swallows()
        del dying
        done.append("before")
        if goes_on == "batch":
            done.extend(track(["a", "b", "c"], 3, "x", "batch"))
        else:
            run_stage(WorkFolder(tmp_path), "bake", {}, [], lambda: done.append("baked"))

    assert report_errors(main) == 130
    assert done == ["before"]
    assert capsys.readouterr().err.splitlines()[-1] == "stopped by Ctrl-C; run again to go on"
    interrupts.check()  # the next command starts afresh


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert report_errors(lambda _: os.kill(os.getpid(), signal.SIGINT)) == 0
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_during_the_imports_of_a_command_is_one_line(command, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    ended = subprocess.run(
        [sys.executable, "-m", command, "--help"], env=environ, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "stopped by Ctrl-C; run again to go on\n"


def test_another_program_keeps_its_own_handler():
    assert signal.getsignal(signal.SIGINT) is not interrupts.exit_at_once
