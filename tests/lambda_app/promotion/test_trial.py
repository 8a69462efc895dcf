import json
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from lambda_app.errors import RefusedReleaseError, ReleaseError, TrialError
from lambda_app.promotion.trial import TrialCost, TrialLimits, outcome, trial_limits, try_release
from lambda_app.release.manifest import FileEntry, Manifest, ModelEntry, file_entry
from lambda_app.settings import Settings
from tests.crafted import networks
from tests.lambda_app.conftest import BuiltRelease

pytestmark = [pytest.mark.slow, pytest.mark.cold_trials]

SETTINGS = Settings(store="unused", threads=1, forward_seconds=0)
LIMITS = TrialLimits(seconds=60, megabytes=1000)


def with_network(built: BuiltRelease, write: Callable[[Path], None], folder: Path) -> tuple[Manifest, Path]:
    """`built` with another network, which lies in `folder`."""
    for entry in built.manifest.serving_files():
        (folder / entry.file).write_bytes((built.folder / entry.file).read_bytes())
    write(folder / "model.onnx")
    model = ModelEntry.model_validate(built.manifest.model.model_dump() | file_entry(folder / "model.onnx"))
    return built.manifest.model_copy(update={"model": model}), folder


def within(folder: Path) -> Callable[[FileEntry], Path]:
    return lambda entry: folder / entry.file


def test_a_sound_release_passes_and_its_cost_is_told(built: BuiltRelease):
    cost = try_release(built.manifest, within(built.folder), SETTINGS)
    assert 0 < cost.milliseconds < 60_000
    assert 30 < cost.megabytes < 1_000


@pytest.mark.parametrize("write", [networks.slow_operator, networks.endless_loop])
def test_a_network_that_never_ends_is_killed(tmp_path: Path, built: BuiltRelease, write: Callable[[Path], None]):
    manifest, folder = with_network(built, write, tmp_path)
    with pytest.raises(RefusedReleaseError, match=r"did not answer within 1 s in its trial"):
        try_release(manifest, within(folder), SETTINGS, TrialLimits(seconds=1, megabytes=2000))


def test_memory_is_limited(tmp_path: Path, built: BuiltRelease):
    manifest, folder = with_network(built, networks.growing_loop, tmp_path)
    with pytest.raises(RefusedReleaseError, match="needed more than 200 MB in its trial"):
        try_release(manifest, within(folder), SETTINGS, TrialLimits(seconds=60, megabytes=200))


def child_environment(seen: list[bytes]) -> None:
    """The environment of a child of this process, as the kernel shows it while the child runs."""
    while not seen:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError):
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                found = (process / "environ").read_bytes()
                if parent == str(os.getpid()) and b"MALLOC_ARENA_MAX=2" in found:
                    seen.append(found)


def test_the_child_sees_no_credentials(built: BuiltRelease, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    seen: list[bytes] = []
    watcher = threading.Thread(target=child_environment, args=[seen], daemon=True)
    watcher.start()
    try_release(built.manifest, within(built.folder), SETTINGS)
    watcher.join(20)
    assert b"PYTHONPATH=" in seen[0]
    assert b"AWS_" not in seen[0]


def test_nothing_is_left_on_the_disk(tmp_path: Path, built: BuiltRelease, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try_release(built.manifest, within(built.folder), SETTINGS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("memory", "megabytes"), [(None, 2048 + 3 * 600), (512, 256), (1024, 512), (3008, 2496), (10240, 2048 + 3 * 600)]
)
def test_limits_follow_the_files_and_the_function(built: BuiltRelease, memory: int | None, megabytes: int):
    model = built.manifest.model.model_copy(update={"bytes": 600 << 20})
    limits = trial_limits(built.manifest.model_copy(update={"model": model}), memory)
    assert limits == TrialLimits(seconds=60 + 17, megabytes=megabytes)


@pytest.mark.parametrize(
    ("code", "messages", "says"),
    [
        (-signal.SIGSEGV, b"", r"r crashed its trial \(SIGSEGV\)"),
        (-signal.SIGABRT, b"terminate called after throwing 'std::bad_alloc'", "r needed more than 1,000 MB"),
        (-signal.SIGXCPU, b"", "r did not answer within 60 s of a core"),
        (-signal.SIGKILL, b"", "out of memory; a trial may need 1,000 MB"),
        (-200, b"", r"crashed its trial \(signal 200\)"),
    ],
)
def test_a_child_that_dies_is_a_refusal(code: int, messages: bytes, says: str):
    with pytest.raises(RefusedReleaseError, match=says):
        outcome("r", code, b"", messages, LIMITS)


def test_an_answer_is_a_cost_or_a_reason():
    cost = {"milliseconds": 5.0, "megabytes": 90.0}
    assert outcome("r", 0, json.dumps(cost).encode(), b"", LIMITS) == TrialCost(**cost)
    with pytest.raises(RefusedReleaseError, match=r"^r fails$"):
        outcome("r", 0, b'{"refused": "fails"}', b"", LIMITS)
    with pytest.raises(ReleaseError, match=r"^index damaged$"):
        outcome("r", 0, b'{"unsound": "index damaged"}', b"", LIMITS)


def test_a_child_without_an_answer_is_no_fault_of_the_release():
    with pytest.raises(TrialError, match="ended with status 1 and without an answer: ImportError: x"):
        outcome("r", 1, b"", b"Traceback\nImportError: x\n", LIMITS)
    assert not issubclass(TrialError, ReleaseError)
