"""No data leaves the machine unasked: observes which files, threads and connections a process creates."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.releases import SIZE, write_network

ROOT = Path(__file__).parents[1]
SWITCH = "ORT_DISABLE_TELEMETRY"
# Loads and runs a model as serving does, then waits long enough for an uploader of telemetry to start.
USE = """
import sys, time
from pathlib import Path
{imports}
import numpy as np
from lambda_app.model.session import Model
Model(Path(sys.argv[1]), threads=1).run(np.zeros((1, 3, {size}, {size}), np.float32))
time.sleep(0.5)
print(len(list(Path("/proc/self/task").iterdir())))
"""
VENDOR = re.compile(r"events\.data\.microsoft|onnxruntime\.db|deviceid|/\.ses\b", re.IGNORECASE)


@dataclass(frozen=True)
class Seen:
    """The traces of a process.

    Attributes:
        files: in its home and temporary folders, which were empty.
        threads: at its end.
        calls: network calls and names of files created, as strace writes them; None without strace.
    """

    files: list[str]
    threads: int
    calls: list[str] | None


def watch(folder: Path, model: Path, imports: str = "", switch: str | None = None) -> Seen:
    """Run `USE` with empty folders, without the variables of CI and without this process's own switch."""
    home, scratch, trace = folder / "home", folder / "scratch", folder / "trace"
    for path in (home, scratch):
        path.mkdir(parents=True)
    environ = {"HOME": str(home), "TMPDIR": str(scratch), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    environ |= {"OPENBLAS_NUM_THREADS": "1"}  # otherwise numpy starts threads too
    if switch is not None:
        environ[SWITCH] = switch
    command = [sys.executable, "-c", USE.format(imports=imports, size=SIZE), str(model)]
    strace = shutil.which("strace")
    if strace:
        command = [strace, "-f", "--seccomp-bpf", "-e", "trace=%network,openat", "-o", str(trace), *command]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    files = sorted(str(path.relative_to(folder)) for path in (*home.rglob("*"), *scratch.rglob("*")) if path.is_file())
    calls = None
    if strace:
        lines = trace.read_text(errors="replace").splitlines()
        network = [line for line in lines if re.search(r"\b(connect|sendto|sendmsg|sendmmsg)\(", line)]
        calls = [line for line in lines if VENDOR.search(line)] + [line for line in network if "AF_UNIX" not in line]
    return Seen(files, int(done.stdout.split()[-1]), calls)


@pytest.fixture
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    write_network(path, classes=3, seed=0)
    return path


def test_using_a_model_sends_nothing_to_the_vendor(tmp_path: Path, model_file: Path):
    seen = watch(tmp_path, model_file)
    assert seen.files == []
    assert seen.threads == 1
    assert not seen.calls


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import training.export.quantise", "import lambda_app.handler"])
def test_telemetry_is_off_whatever_is_imported_first(tmp_path: Path, model_file: Path, imports: str):
    setting = f"import os; os.environ['LOOKALIKE_STORE'] = '{tmp_path}'\n"
    seen = watch(tmp_path / "process", model_file, setting + imports)
    assert [name for name in seen.files if VENDOR.search(name)] == []
    assert not [line for line in seen.calls or () if VENDOR.search(line)]


def test_the_check_detects_telemetry_that_is_on(tmp_path: Path, model_file: Path):
    """The other tests are meaningful only if this one finds the files that they must not find."""
    seen = watch(tmp_path, model_file, switch="0")
    assert [name for name in seen.files if VENDOR.search(name)]
    assert seen.threads > 1


def test_every_import_of_onnx_runtime_comes_after_the_switch():
    for package in ("lambda_app", "training", "benchmarks", "client", "fetch", "scripts", "sample"):
        for path in (ROOT / package).rglob("*.py"):
            names = imported(path)
            used = [i for i, name in enumerate(names) if name.partition(".")[0] == "onnxruntime"]
            if used and path.name != "onnx_runtime.py":
                assert "lambda_app.model.onnx_runtime" in names[: used[0]], path


def imported(path: Path) -> list[str]:
    """The modules that a file imports, in the order of its lines."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = []
    for node in sorted(nodes, key=lambda node: node.lineno):
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return names


def test_image_functions_and_job_set_the_switch():
    assert f"ENV {SWITCH}=1" in (ROOT / "Dockerfile.lambda").read_text()


def test_the_cdk_command_line_sends_only_what_it_deploys():
    """By default it sends usage data, fetches notices, and records construct versions in the template."""
    settings = json.loads((ROOT / "cdk.json").read_text())
    assert settings["context"]["cli-telemetry"] is False
    assert settings["notices"] is False
    assert settings["versionReporting"] is False
