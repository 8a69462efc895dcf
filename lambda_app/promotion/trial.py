"""Tries a release in a process of its own, within limits of time and memory, before it may go live.

A drop is untrusted: its network may loop for ever or ask for all memory, its index or catalog may crash native code.
None of this may stop the process that promotes, so the files are opened in a child process only. The child gets their
paths, and neither credentials nor the store. It is started with `subprocess`: `multiprocessing` needs /dev/shm, which
Lambda lacks.
"""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from lambda_app.errors import RefusedReleaseError, ReleaseError, TrialError
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.release.manifest import FileEntry, Manifest, verify_file
from lambda_app.settings import Settings, function_memory, harmless_environ

log = logging.getLogger(__name__)
CHILD = "lambda_app.promotion.trial_process"
_SECONDS, _SECONDS_PER_GIB = 60, 30
_MEGABYTES, _FILES_IN_MEMORY = 2048, 3
# Of a Lambda function's memory: what this process, the child's imports and the function's scratch pages need.
_RESERVED_MEGABYTES, _LEAST_MEGABYTES = 512, 256
# The child writes its answer and its error messages to files; a larger file is cut by the kernel.
_MOST_OUTPUT = 1 << 20
_MOST_THREADS = 4


@dataclass(frozen=True)
class TrialLimits:
    """What one trial may use.

    Attributes:
        seconds: by the clock; and as many of each core that it may use.
        megabytes: memory beyond what the child holds once its modules are imported.
    """

    seconds: float
    megabytes: int


@dataclass(frozen=True)
class TrialCost:
    """What a trial took.

    Attributes:
        milliseconds: from the child's start to its answer, without its imports.
        megabytes: the largest resident memory of the child.
    """

    milliseconds: float
    megabytes: float


def check_release(manifest: Manifest, locate: Callable[[FileEntry], Path], settings: Settings) -> None:
    """Verify every file, then try the release in a process of its own: `trial` says what it must pass.

    Raises:
        ReleaseError: a file is not what the manifest says, or the parts disagree.
        RefusedReleaseError: it has no smoke case, fails one, or does not answer the canary.
        TrialError: the trial could not be run.
    """
    if not manifest.smoke:
        raise RefusedReleaseError(
            f'{manifest.release} has no smoke case ("smoke" is empty); a release carries at least one photo with its '
            "known answer"
        )
    for entry in manifest.files():
        verify_file(locate(entry), entry)
    cost = try_release(manifest, locate, settings)
    log.info("%s passed its trial in %.0f ms with %.0f MB", manifest.release, cost.milliseconds, cost.megabytes)


def trial_limits(manifest: Manifest, memory: int | None = None) -> TrialLimits:
    """The limits for a release: more for larger files; in Lambda never more memory than the function has.

    Args:
        manifest: the release.
        memory: of the Lambda function, in MB; None: not in Lambda.
    """
    size = sum(entry.bytes for entry in manifest.serving_files("faiss"))
    megabytes = _MEGABYTES + _FILES_IN_MEMORY * (size >> 20)
    if memory is not None:
        megabytes = min(megabytes, max(_LEAST_MEGABYTES, memory - _RESERVED_MEGABYTES))
    return TrialLimits(_SECONDS + _SECONDS_PER_GIB * size // (1 << 30), megabytes)


def try_release(
    manifest: Manifest, locate: Callable[[FileEntry], Path], settings: Settings, limits: TrialLimits | None = None
) -> TrialCost:
    """Inspect a release's files, load it as serving does, replay its smoke cases and ask the canary's questions.

    Args:
        manifest: the release.
        locate: returns the verified local path of a file.
        settings: threads and limits of serving.
        limits: of the trial; None: `trial_limits`.

    Raises:
        ReleaseError: a file is not what a release may hold, or the parts do not fit each other.
        RefusedReleaseError: it answers wrongly or not in time, needs too much memory, or crashes the trial.
        TrialError: the trial could not be run.
    """
    limits = limits or trial_limits(manifest, function_memory())
    with scratch_folder("trial") as scratch:
        request = {
            "manifest": manifest.to_json().decode(),
            "files": _set_apart(manifest, locate, scratch),
            "settings": asdict(replace(settings.harmless(), threads=_threads(settings))),
            "limits": asdict(limits),
            "most_output": _MOST_OUTPUT,
        }
        with (scratch / "answer").open("w+b") as answer, (scratch / "messages").open("w+b") as messages:
            code = _run(json.dumps(request).encode(), answer, messages, limits, manifest.release)
            return outcome(manifest.release, code, _start_of(answer), _start_of(messages), limits)


def _set_apart(manifest: Manifest, locate: Callable[[FileEntry], Path], scratch: Path) -> dict[str, str]:
    """A link to each file in a folder of its own: a network whose weights lie in a file beside it then has none."""
    links = {}
    for entry in manifest.serving_files("faiss"):
        link = scratch / f"of-{entry.file}" / entry.file
        link.parent.mkdir()
        link.symlink_to(locate(entry).absolute())
        links[entry.file] = str(link)
    return links


def _threads(settings: Settings) -> int:
    return settings.threads or min(os.cpu_count() or 1, _MOST_THREADS)


def _run(request: bytes, answer: IO[bytes], messages: IO[bytes], limits: TrialLimits, release: str) -> int:
    """The exit status of the child; negative: the signal that ended it."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    # One thread at import: buffers of OpenBLAS would count as memory of the release. The rest is set with the release.
    environ = {**harmless_environ(), "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    try:
        return subprocess.run(
            [sys.executable, "-B", "-P", "-m", CHILD],
            input=request,
            stdout=answer,
            stderr=messages,
            env=environ,
            timeout=limits.seconds,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired as exc:
        raise RefusedReleaseError(f"{release} did not answer within {limits.seconds:g} s in its trial") from exc
    except OSError as exc:
        raise TrialError(f"the trial of {release} cannot be started: {exc}") from exc


def outcome(release: str, code: int, answer: bytes, messages: bytes, limits: TrialLimits) -> TrialCost:
    """What the end of a child means.

    Args:
        release: its id.
        code: exit status; negative: the signal that ended it.
        answer: what it wrote to standard output.
        messages: what it and native code wrote to standard error.
        limits: of this trial.

    Raises:
        ReleaseError, RefusedReleaseError, TrialError: as `try_release`.
    """
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        if -code == signal.SIGXCPU:
            raise RefusedReleaseError(f"{release} did not answer within {limits.seconds:g} s of a core in its trial")
        if b"bad_alloc" in messages:
            raise RefusedReleaseError(f"{release} needed more than {limits.megabytes:,} MB in its trial")
        if -code == signal.SIGKILL:
            raise RefusedReleaseError(
                f"the trial of {release} was killed, as a system does that is out of memory; "
                f"a trial may need {limits.megabytes:,} MB"
            )
        raise RefusedReleaseError(f"{release} crashed its trial ({name})")
    try:
        found = json.loads(answer)
    except ValueError as exc:
        last = messages.decode(errors="replace").strip().rpartition("\n")[2][:300]
        raise TrialError(f"the trial of {release} ended with status {code} and without an answer: {last}") from exc
    if reason := found.get("refused"):
        raise RefusedReleaseError(f"{release} {reason}")
    if reason := found.get("unsound"):
        raise ReleaseError(reason)
    return TrialCost(found["milliseconds"], found["megabytes"])


def _start_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_MOST_OUTPUT)
